/** Decides which router each block of this machine's routes goes to, and says why another one does not; no I/O. */
import type { Offer, RouteRow } from '../../protocol/rows.ts';
import type { PeerId, RouteId } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import { isDefault } from './held-blocks.ts';

/** A router that was away must be well for so long before a block returns to it (ms). */
const WELL_FOR_MS = 60_000;

/** A router as this machine knows it now. */
export type RouterState = {
  key: PublicKey;
  /** What its machine says of its blocks. */
  offers: readonly Offer[];
  /** When its tunnel began, in ms of the monotonic clock; undefined: none stands. */
  since: number | undefined;
  /** Its tunnel does not answer. */
  isSilent: boolean;
};

export type RoutesFacts = {
  rows: Iterable<RouteRow>;
  /** Undefined: it has no tunnel here. */
  router: (id: PeerId) => RouterState | undefined;
  /** Why the block is not taken. */
  held: (row: RouteRow, block: Cidr) => string | undefined;
  /** The exit that this machine's conf names. */
  exit: RouteId | undefined;
};

export type BlockReport = {
  block: Cidr;
  /**
   * `used`: packets go to `by`. `held`: not taken. `waits`: no router's machine has offered it. `notReady`: none of
   * those that did is. `unrouted`: no router in sight. `off`: an exit that this machine does not use.
   */
  state: 'used' | 'held' | 'waits' | 'notReady' | 'unrouted' | 'off';
  by: PeerId | null;
  /** They take over in this order. */
  standby: PeerId[];
  /** Why it is held, or why a router is not ready. */
  reason: string | null;
  /** Routers that are meant by `reason`, or that are waited for. */
  about: PeerId[];
};

export type RouteReport = { id: RouteId; name: string; isExit: boolean; blocks: BlockReport[] };

export type Decision = {
  owners: ReadonlyMap<Cidr, PublicKey>;
  /** Blocks that this machine routes into the tunnel, also while no router is ready. */
  taken: readonly Cidr[];
  reports: readonly RouteReport[];
  /** In ms of the monotonic clock: what a wait decides. */
  nextDue: number;
};

type Candidate = RouterState & { id: PeerId; rank: number; offer: Offer | undefined };

/** Since when a router can have a block; it was never seen away: from the beginning. */
type Health = { isWell: boolean; since: number };

export const NO_DECISION: Decision = {
  owners: new Map(),
  taken: [],
  reports: [],
  nextDue: Number.POSITIVE_INFINITY,
};

export class Routes {
  readonly #owners = new Map<Cidr, PeerId>();
  readonly #health = new Map<string, Health>();
  #nextDue = Number.POSITIVE_INFINITY;

  /** What an earlier run left on the device stays where it is as good as another. */
  adopt(block: Cidr, owner: PeerId): void {
    if (!this.#owners.has(block)) this.#owners.set(block, owner);
  }

  decide(facts: RoutesFacts, now: number): Decision {
    this.#nextDue = Number.POSITIVE_INFINITY;
    const owners = new Map<Cidr, PublicKey>();
    const taken: Cidr[] = [];
    const reports: RouteReport[] = [];
    const named = new Map<Cidr, string>();
    for (const row of [...facts.rows].sort((left, right) => left.id - right.id)) {
      const blocks = row.blocks.map((block) => {
        const found = this.#judge(facts, row, block, named.get(block), now);
        if (found.isTaken) named.set(block, row.name);
        if (found.isTaken) taken.push(block);
        if (found.key) owners.set(block, found.key);
        return found.report;
      });
      reports.push({ id: row.id, name: row.name, isExit: row.blocks.some(isDefault), blocks });
    }
    this.#forget(new Set(taken));
    return { owners, taken, reports, nextDue: this.#nextDue };
  }

  #judge(
    facts: RoutesFacts,
    row: RouteRow,
    block: Cidr,
    rival: string | undefined,
    now: number,
  ): { isTaken: boolean; key?: PublicKey; report: BlockReport } {
    const report = { block, by: null, standby: [], reason: null, about: [] };
    if (isDefault(block) && row.id !== facts.exit)
      return { isTaken: false, report: { ...report, state: 'off' } };
    const reason = rival === undefined ? facts.held(row, block) : `the route ${rival} has it`;
    if (reason !== undefined) return { isTaken: false, report: { ...report, state: 'held', reason } };
    const candidates = candidatesOf(facts, row, block);
    if (candidates.length === 0)
      return { isTaken: isDefault(block), report: { ...report, state: 'unrouted' } };
    const offering = candidates.filter(({ offer }) => offer !== undefined);
    if (offering.length === 0)
      return {
        isTaken: isDefault(block),
        report: { ...report, state: 'waits', about: candidates.map(({ id }) => id) },
      };
    const owner = this.#choose(block, offering, now);
    if (!owner) return { isTaken: true, report: { ...report, ...notReady(offering) } };
    const standby = offering.filter(({ id, offer }) => id !== owner.id && offer?.ready).sort(isBefore);
    return {
      isTaken: true,
      key: owner.key,
      report: { ...report, state: 'used', by: owner.id, standby: standby.map(({ id }) => id) },
    };
  }

  /** Undefined: none is ready. */
  #choose(block: Cidr, offering: readonly Candidate[], now: number): Candidate | undefined {
    const since = new Map(offering.map((one) => [one.id, this.#look(block, one, now)]));
    const well = offering.filter((one) => isWell(one)).sort(isBefore);
    const current = offering.find(({ id }) => id === this.#owners.get(block));
    const owner = this.#better(current, well, since, now) ?? this.#lastResort(current, offering);
    if (owner) this.#owners.set(block, owner.id);
    else this.#owners.delete(block);
    return owner;
  }

  /** It goes to a router of a lesser rank once that is well for a while; never between equal ones. */
  #better(
    current: Candidate | undefined,
    well: readonly Candidate[],
    since: ReadonlyMap<PeerId, Health>,
    now: number,
  ): Candidate | undefined {
    if (!current || !isWell(current)) return well[0];
    for (const one of well) {
      if (one.rank >= current.rank) break;
      const due = (since.get(one.id)?.since ?? now) + WELL_FOR_MS;
      if (due <= now) return one;
      this.#nextDue = Math.min(this.#nextDue, due);
    }
    return current;
  }

  /** A silent one is better than none: only traffic to it shows that it is back. */
  #lastResort(current: Candidate | undefined, offering: readonly Candidate[]): Candidate | undefined {
    const ready = offering.filter(({ offer }) => offer?.ready).sort(isBefore);
    return current?.offer?.ready ? current : ready[0];
  }

  #look(block: Cidr, candidate: Candidate, now: number): Health {
    const key = `${block} ${candidate.id}`;
    const before = this.#health.get(key);
    const well = isWell(candidate);
    const health =
      before?.isWell === well
        ? before
        : { isWell: well, since: before === undefined ? Number.NEGATIVE_INFINITY : now };
    this.#health.set(key, health);
    return health;
  }

  #forget(taken: ReadonlySet<Cidr>): void {
    for (const block of this.#owners.keys()) if (!taken.has(block)) this.#owners.delete(block);
    for (const key of this.#health.keys())
      if (!taken.has(key.slice(0, key.indexOf(' ')) as Cidr)) this.#health.delete(key);
  }
}

const candidatesOf = (facts: RoutesFacts, row: RouteRow, block: Cidr): Candidate[] =>
  row.routers.flatMap(({ id, rank }) => {
    const router = facts.router(id);
    return router
      ? [{ ...router, id, rank, offer: router.offers.find((offer) => offer.block === block) }]
      : [];
  });

const isWell = ({ offer, isSilent }: Candidate): boolean => offer?.ready === true && !isSilent;

/** By rank, then the longest-standing tunnel, then the id. */
const isBefore = (left: Candidate, right: Candidate): number =>
  left.rank - right.rank ||
  (left.since ?? Number.MAX_VALUE) - (right.since ?? Number.MAX_VALUE) ||
  left.id - right.id;

const notReady = (offering: readonly Candidate[]): Pick<BlockReport, 'state' | 'reason' | 'about'> => {
  const [first] = [...offering].sort(isBefore);
  return {
    state: 'notReady',
    reason: first?.offer?.why ?? null,
    about: first ? [first.id] : [],
  };
};
