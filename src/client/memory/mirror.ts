/**
 * What this client sees of its network, and how frames change it; no I/O.
 * A frame is judged into an effect, journalled, then taken: judging changes nothing, taking never refuses.
 */
import { isPlain, looksSame } from '../../domain/peer.ts';
import type { Sha256 } from '../../events/record.ts';
import type { Delta, Restoration, Snapshot, Welcome } from '../../protocol/frames.ts';
import type { CidrRow, LimitRow, PeerRow, RouteRow } from '../../protocol/rows.ts';
import { Failure } from '../../values/failure.ts';
import {
  type CidrId,
  type Hash,
  type PeerId,
  type Position,
  type RouteId,
  SERVER_PEER,
} from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import { type Breach, compare, type Head, judge } from './chain.ts';
import { type Ground, type Held, isOwn, isServer, type Pin, Pins, sift } from './pins.ts';
import type { ServerTime } from './server-time.ts';

/** Peers, or CIDRs, in sight or pinned; a server that shows more is not believed. */
export const MAX_ROWS = 200_000;
const MAX_HELD = 10_000;
/** Ranges of ports and protocols, of all limits together. */
const MAX_OPENINGS = 200_000;
const MAX_ROUTES = 1_000;

/** The server shows another history. */
export type Alarm = { breach: Breach; position: Position; hash: Hash };

/** A restored backup that this client, then at `head`, has followed. */
export type Notice = { restoration: Restoration; head: Head };

/** Kept besides pins. */
export type Memory = {
  /** Peers that were seen to leave. */
  gone: Ip[];
  /** Of these, kept out after a restored backup until an admin enables them. */
  withheld: Ip[];
  /** Until the user acknowledges it. */
  notice: Notice | null;
};

/** What a frame does to the mirror; idempotent. */
export type Effect = {
  /** Absent: unchanged. */
  head?: Head | undefined;
  peers: { changed: PeerRow[]; removed: PeerId[] };
  cidrs: { changed: CidrRow[]; removed: CidrId[] };
  /** Absent: unchanged. */
  limits?: { changed: LimitRow[]; removed: CidrId[] } | undefined;
  /** Absent: unchanged. */
  routes?: { changed: RouteRow[]; removed: RouteId[] } | undefined;
  held: Held[];
  /** No longer held back. */
  released: PeerId[];
  /** Addresses of pins that the user forgets. */
  forgotten?: Ip[] | undefined;
  /** The rows no longer match the head: all must be fetched again. */
  emptied?: boolean | undefined;
  /** Absent: unchanged. */
  alarm?: Alarm | null | undefined;
  /** After a restored backup peers that were seen to leave stay out. */
  restored?: Notice | undefined;
  acknowledged?: boolean | undefined;
  /** The server has proved itself: its pairs are pinned for good. */
  proved?: boolean | undefined;
};

export type Verdict =
  | { kind: 'take'; effect: Effect }
  | { kind: 'known' }
  /** Frames are missing: reconnect from the own position. */
  | { kind: 'gap' }
  /** Fetch all: no rows are known, or an alarm kept out rows that may come in now. */
  | { kind: 'fetch' }
  /** Only the alarm and removals. */
  | { kind: 'alarm'; effect: Effect };

export type Changes = {
  added: PeerRow[];
  removed: PeerRow[];
  changed: { before: PeerRow; after: PeerRow }[];
};

const nothing = (): Effect => ({
  peers: { changed: [], removed: [] },
  cidrs: { changed: [], removed: [] },
  held: [],
  released: [],
});

export class Mirror {
  readonly ground: Ground;
  readonly pins = new Pins();
  head: Head | undefined;
  /** Whether the rows match `head`; a newcomer has only the head of its invitation. */
  filled = false;
  alarm: Alarm | null = null;
  /** Unproved server, known history: obey removals, admit no peer. */
  isDoubted = false;
  isProved = false;
  /** Told by a proved server. */
  clock: ServerTime | undefined;
  readonly #sha256: Sha256;
  readonly #peers = new Map<PeerId, PeerRow>();
  readonly #idOfKey = new Map<PublicKey, PeerId>();
  readonly #cidrs = new Map<CidrId, CidrRow>();
  readonly #limits = new Map<CidrId, LimitRow>();
  readonly #routes = new Map<RouteId, RouteRow>();
  readonly #held = new Map<PeerId, Held>();
  #gone = new Set<Ip>();
  #withheld = new Set<Ip>();
  #notice: Notice | null = null;

  constructor(ground: Ground, sha256: Sha256) {
    this.ground = ground;
    this.#sha256 = sha256;
  }

  /** Includes this machine and the server. */
  peers(): IterableIterator<PeerRow> {
    return this.#peers.values();
  }

  peer(id: PeerId): PeerRow | undefined {
    return this.#peers.get(id);
  }

  peerWithKey(key: PublicKey): PeerRow | undefined {
    const id = this.#idOfKey.get(key);
    return id === undefined ? undefined : this.#peers.get(id);
  }

  cidrs(): IterableIterator<CidrRow> {
    return this.#cidrs.values();
  }

  cidr(id: CidrId): CidrRow | undefined {
    return this.#cidrs.get(id);
  }

  /** CIDRs whose peers may not begin everything; the others are whole. */
  limits(): IterableIterator<LimitRow> {
    return this.#limits.values();
  }

  limit(id: CidrId): LimitRow | undefined {
    return this.#limits.get(id);
  }

  /** Routes that are open to this machine. */
  routes(): IterableIterator<RouteRow> {
    return this.#routes.values();
  }

  route(id: RouteId): RouteRow | undefined {
    return this.#routes.get(id);
  }

  held(): IterableIterator<Held> {
    return this.#held.values();
  }

  isHeld(id: PeerId): boolean {
    return this.#held.has(id);
  }

  get notice(): Notice | null {
    return this.#notice;
  }

  get memory(): Memory {
    return { gone: [...this.#gone], withheld: [...this.#withheld], notice: this.#notice };
  }

  remember({ gone, withheld, notice }: Memory): void {
    this.#gone = new Set(gone);
    this.#withheld = new Set(withheld);
    this.#notice = notice;
  }

  /** Held peers plus an alarm, as told to the server. */
  get heldCount(): number {
    return this.#held.size + (this.alarm ? 1 : 0);
  }

  /** Peers that belong on the device: all but this machine, the server and phones. */
  *tunnels(): Generator<PeerRow> {
    for (const row of this.#peers.values()) if (this.isTunnel(row)) yield row;
  }

  isTunnel(row: PeerRow): boolean {
    return this.#isOther(row) && !isPlain(row);
  }

  /** Phones whose packets go through the server's tunnel. */
  *phones(): Generator<PeerRow> {
    for (const row of this.#peers.values())
      if (row.via === SERVER_PEER && this.#isOther(row) && !this.pins.at(row.ip)) yield row;
  }

  /** Whether the welcome fits the followed history. */
  judgeWelcome(welcome: Welcome): Verdict {
    const breach = this.head && !this.isDoubted && compare(this.head, welcome);
    return breach ? this.#alarmed(breach, welcome, nothing()) : { kind: 'known' };
  }

  judgeDelta(delta: Delta): Verdict {
    if (this.isDoubted) return this.#doubtful(delta.peers.removed, delta.routes?.removed);
    if (!this.head || !this.filled) return { kind: 'fetch' };
    const judgement = judge(this.head, delta, this.#sha256);
    switch (judgement.kind) {
      case 'take':
        if (this.alarm) return { kind: 'fetch' };
        return { kind: 'take', effect: { ...this.#effectOf(delta), head: judgement.head } };
      case 'breach':
        return this.#alarmed(judgement.breach, delta, this.#removalsIn(delta));
      case 'known':
      case 'gap':
        if (!this.alarm) return judgement;
        return this.#alarmed(this.alarm.breach, delta, this.#removalsIn(delta));
    }
  }

  /** `reached`: the own head, extended by paged digests. */
  judgeSnapshot(snapshot: Snapshot, reached: Head | undefined = this.head): Verdict {
    if (this.isDoubted) return this.#doubtful(this.#missingIn(snapshot), this.#closedIn(snapshot));
    const found = this.#judgeWhole(snapshot, reached);
    if (found === 'stale') return { kind: 'known' };
    const restoration = typeof found === 'string' && this.#restorationIn(snapshot, found);
    if (restoration && this.head) return this.#startOver(snapshot, { restoration, head: this.head });
    if (typeof found === 'string') {
      const removals = this.#removals(this.#missingIn(snapshot), this.#closedIn(snapshot));
      return this.#alarmed(found, snapshot, removals);
    }
    return { kind: 'take', effect: { ...this.#wholeEffect(snapshot), head: found } };
  }

  /** Judges an older server's rows by pins alone. It cannot end an alarm: under one only removals count. */
  judgeState(shown: Pick<Snapshot, 'peers' | 'cidrs'>): Verdict {
    if (this.isDoubted) return this.#doubtful(this.#missingIn(shown));
    const { peers, cidrs, routes, held, released } = this.#wholeEffect(shown);
    if (this.alarm) return { kind: 'alarm', effect: this.#removals(peers.removed, routes?.removed) };
    const effect: Effect = {
      peers: { ...peers, changed: peers.changed.filter((row) => !sameRow(row, this.#peers.get(row.id))) },
      cidrs: { ...cidrs, changed: cidrs.changed.filter((row) => !sameCidr(row, this.#cidrs.get(row.id))) },
      held: held.filter(({ row, rule }) => !sameHeld({ row, rule }, this.#held.get(row.id))),
      released,
      ...(routes ? { routes } : {}),
      ...(this.head && this.filled ? { emptied: true } : {}),
    };
    return isNothing(effect) ? { kind: 'known' } : { kind: 'take', effect };
  }

  /** After a shut-out: all tunnels but the server's go, the pins stay. */
  judgeRevocation(): Effect {
    const ids = [...this.#others()].map(({ id }) => id);
    return { ...this.#removals([...ids, ...this.#held.keys()], [...this.#routes.keys()]), emptied: true };
  }

  /** Next expiry, in milliseconds since 1970. */
  nextEnd(): number | undefined {
    let next: number | undefined;
    for (const { expires } of this.#others())
      if (expires !== undefined) next = Math.min(next ?? Infinity, Date.parse(expires));
    return next;
  }

  /** Removes expired peers; `now`: the server's clock, in milliseconds since 1970. */
  judgeEnds(now: number): Effect | undefined {
    const over = [...this.#others()].filter(
      ({ expires }) => expires !== undefined && Date.parse(expires) <= now,
    );
    return over.length === 0 ? undefined : this.#removals(over.map(({ id }) => id));
  }

  /** Peers that only these pins held back come in. */
  judgeForgetting(forgotten: readonly Pin[]): Effect {
    const addresses = new Set(forgotten.map(({ ip }) => ip));
    const pins = new Pins();
    for (const pin of this.pins.all()) if (!addresses.has(pin.ip)) pins.add(pin);
    const owners = forgotten.flatMap((pin) => this.peerWithKey(pin.publicKey) ?? []);
    const leaving = new Set(owners.map(({ id }) => id));
    const waiting = [...this.#held.values()].filter(({ rule }) => rule !== 'SeenGone');
    const rows = this.alarm ? [] : waiting.map(({ row }) => row);
    const { accepted, held } = sift(rows, this.ground, pins, this.#ownersBut(leaving));
    const replaced = owners.filter(({ id, ip, publicKey }) =>
      accepted.some((row) => row.id !== id && (row.ip === ip || row.publicKey === publicKey)),
    );
    return {
      ...nothing(),
      forgotten: [...addresses],
      peers: { changed: accepted, removed: replaced.map(({ id }) => id) },
      held,
      released: accepted.map(({ id }) => id),
    };
  }

  judgeAcknowledgement(): Effect {
    return { ...nothing(), acknowledged: true };
  }

  /** Pins that an effect replaces. */
  yielding({ peers, forgotten = [] }: Effect): Pin[] {
    const rivals = peers.changed.flatMap((row) => this.pins.rivals(row));
    return [...new Set(rivals)].filter((pin) => pin !== undefined && !forgotten.includes(pin.ip)) as Pin[];
  }

  take(effect: Effect): Changes {
    const { head, peers, cidrs, limits, routes, held, released, forgotten, emptied, alarm, ...facts } =
      effect;
    const { restored, acknowledged, proved, ...rest } = facts;
    rest satisfies Record<string, never>;
    const changes: Changes = { added: [], removed: [], changed: [] };
    if (restored) {
      for (const ip of this.#gone) this.#withheld.add(ip);
      this.#notice = restored;
    }
    if (acknowledged) this.#notice = null;
    for (const ip of forgotten ?? []) this.pins.forget(ip);
    for (const id of released) this.#held.delete(id);
    for (const id of peers.removed) {
      const ip = this.#peers.get(id)?.ip;
      if (ip !== undefined && !emptied) this.#gone.add(ip);
      this.#remove(id, changes);
    }
    for (const row of peers.changed) this.#put(row, changes, proved === true);
    for (const one of held) this.#held.set(one.row.id, one);
    for (const id of cidrs.removed) this.#cidrs.delete(id);
    for (const cidr of cidrs.changed) this.#cidrs.set(cidr.id, cidr);
    for (const id of limits?.removed ?? []) this.#limits.delete(id);
    for (const row of limits?.changed ?? []) this.#limits.set(row.cidrId, row);
    for (const id of routes?.removed ?? []) this.#routes.delete(id);
    for (const row of routes?.changed ?? []) this.#routes.set(row.id, row);
    if (alarm !== undefined) this.alarm = alarm;
    if (head) {
      this.head = head;
      this.filled = true;
    }
    if (emptied) this.filled = false;
    return changes;
  }

  #isOther(row: PeerRow): boolean {
    return !isOwn(this.ground, row) && !isServer(this.ground, row);
  }

  *#others(): Generator<PeerRow> {
    for (const row of this.#peers.values()) if (this.#isOther(row)) yield row;
  }

  #restorationIn({ restorations }: Snapshot, breach: Breach): Restoration | undefined {
    const { head } = this;
    if (!head || breach === 'OtherNetwork') return undefined;
    return restorations?.findLast(
      ({ position, lostPosition, lostHash }) =>
        position <= head.position &&
        head.position <= lostPosition &&
        (head.position < lostPosition || head.hash === lostHash),
    );
  }

  /** Follows a restored backup, but readmits no peer that was seen to leave. */
  #startOver(snapshot: Snapshot, notice: Notice): Verdict {
    const { network: networkId, position, hash } = snapshot;
    const withheld = new Set([...this.#gone, ...this.#withheld]);
    const effect = this.#wholeEffect(snapshot, withheld);
    return { kind: 'take', effect: { ...effect, head: { networkId, position, hash }, restored: notice } };
  }

  #judgeWhole(snapshot: Snapshot, reached: Head | undefined): Head | Breach | 'stale' {
    const { network, position, hash } = snapshot;
    const head: Head = { networkId: network, position, hash };
    if (!reached) return head;
    if (network !== reached.networkId) return 'OtherNetwork';
    const judgement = judge(reached, snapshot, this.#sha256);
    switch (judgement.kind) {
      case 'take':
        return judgement.head;
      case 'known':
        if (position === reached.position) return head;
        return this.alarm ? 'ServerBehind' : 'stale';
      case 'gap':
        return 'ChainBroken';
      case 'breach':
        return judgement.breach;
    }
  }

  #wholeEffect(
    snapshot: Pick<Snapshot, 'peers' | 'cidrs' | 'limits' | 'routes'>,
    withheld: ReadonlySet<Ip> = this.#withheld,
  ): Effect {
    const cidrs = new Set(snapshot.cidrs.map(({ id }) => id));
    const { limits = [], routes = [] } = snapshot;
    const limited = new Set(limits.map(({ cidrId }) => cidrId));
    return {
      ...this.#effectOf(
        {
          peers: {
            changed: snapshot.peers,
            removed: this.#missingIn(snapshot),
          },
          cidrs: {
            changed: snapshot.cidrs,
            removed: [...this.#cidrs.keys()].filter((id) => !cidrs.has(id)),
          },
          limits: {
            changed: limits,
            removed: [...this.#limits.keys()].filter((id) => !limited.has(id)),
          },
          routes: {
            changed: routes,
            removed: this.#closedIn(snapshot),
          },
        },
        withheld,
      ),
      alarm: null,
    };
  }

  #effectOf(
    { peers, cidrs, limits, routes }: Pick<Delta, 'peers' | 'cidrs' | 'limits' | 'routes'>,
    withheld: ReadonlySet<Ip> = this.#withheld,
  ): Effect {
    const leaving = new Set(peers.removed);
    const shown = peers.changed.filter(({ id }) => !leaving.has(id));
    const staysOut = ({ ip, publicKey, isVouchedFor, via }: PeerRow): boolean =>
      !isVouchedFor && withheld.has(ip) && (via !== undefined || this.pins.at(ip)?.publicKey === publicKey);
    const admissible = shown.filter((row) => !staysOut(row));
    const owners = this.#ownersBut(leaving);
    const { accepted, held } = sift(admissible, this.ground, this.pins, owners, this.isProved);
    for (const row of shown) if (staysOut(row)) held.push({ row, rule: 'SeenGone' });
    this.#refuseTooMuch(accepted, held, { cidrs: cidrs.changed, limits, routes: routes?.changed ?? [] });
    const freed = [...peers.removed, ...accepted.map(({ id }) => id)];
    return {
      peers: { changed: accepted, removed: peers.removed },
      cidrs,
      ...(limits && limits.changed.length + limits.removed.length > 0 ? { limits } : {}),
      ...(routes && routes.changed.length + routes.removed.length > 0 ? { routes } : {}),
      held,
      released: freed.filter((id) => this.#held.has(id)),
      ...(this.isProved ? { proved: true } : {}),
    };
  }

  /** Throws a `Failure`: what is kept for good must have a limit. */
  #refuseTooMuch(
    accepted: readonly PeerRow[],
    held: readonly Held[],
    {
      cidrs,
      limits,
      routes,
    }: { cidrs: readonly CidrRow[]; limits: Delta['limits']; routes: readonly RouteRow[] },
  ): void {
    const counts = [
      {
        count: added(
          accepted,
          (row) => this.pins.at(row.ip) ?? this.#peers.get(row.id),
          Math.max(this.pins.size, this.#peers.size),
        ),
        most: MAX_ROWS,
        what: 'peers',
      },
      {
        count: added(cidrs, ({ id }) => this.#cidrs.get(id), this.#cidrs.size),
        most: MAX_ROWS,
        what: 'CIDRs',
      },
      {
        count: added(held, ({ row }) => this.#held.get(row.id), this.#held.size),
        most: MAX_HELD,
        what: 'peers that have to be held back',
      },
      { count: limits ? openingsIn(this.#limits, limits) : 0, most: MAX_OPENINGS, what: 'limits' },
      {
        count: added(routes, ({ id }) => this.#routes.get(id), this.#routes.size),
        most: MAX_ROUTES,
        what: 'routes',
      },
    ];
    const exceeded = counts.find(({ count, most }) => count > most);
    if (exceeded)
      throw new Failure(`TooMany: the server shows more than ${exceeded.most} ${exceeded.what}`, {
        hint: 'what was known before stays as it is; ask the admins what the server is doing',
      });
  }

  #ownersBut(leaving: ReadonlySet<PeerId>): (key: PublicKey) => PeerId | undefined {
    return (key) => {
      const id = this.#idOfKey.get(key);
      return id === undefined || leaving.has(id) ? undefined : id;
    };
  }

  #doubtful(removed: readonly PeerId[], closed?: readonly RouteId[]): Verdict {
    const effect = { ...this.#removals(removed, closed), emptied: true };
    return effect.peers.removed.length + effect.released.length === 0 && !effect.routes
      ? { kind: 'known' }
      : { kind: 'take', effect };
  }

  #missingIn({ peers }: Pick<Snapshot, 'peers'>): PeerId[] {
    const shown = new Set(peers.map(({ id }) => id));
    return [...this.#peers.keys(), ...this.#held.keys()].filter((id) => !shown.has(id));
  }

  /** Routes that are open to this machine no more. */
  #closedIn({ routes = [] }: Pick<Snapshot, 'routes'>): RouteId[] {
    const open = new Set(routes.map(({ id }) => id));
    return [...this.#routes.keys()].filter((id) => !open.has(id));
  }

  #removalsIn({ peers, routes }: Delta): Effect {
    return this.#removals(peers.removed, routes?.removed);
  }

  #removals(ids: readonly PeerId[], routes: readonly RouteId[] = []): Effect {
    const closed = routes.filter((id) => this.#routes.has(id));
    const known = ids.filter((id) => this.#peers.has(id));
    return {
      ...nothing(),
      peers: { changed: [], removed: known },
      released: ids.filter((id) => this.#held.has(id)),
      ...(closed.length > 0 ? { routes: { changed: [], removed: closed } } : {}),
    };
  }

  #alarmed(breach: Breach, { position, hash }: { position: Position; hash: Hash }, effect: Effect): Verdict {
    return { kind: 'alarm', effect: { ...effect, alarm: this.alarm ?? { breach, position, hash } } };
  }

  #remove(id: PeerId, changes: Changes): void {
    const row = this.#peers.get(id);
    if (!row) return;
    this.#peers.delete(id);
    this.#idOfKey.delete(row.publicKey);
    changes.removed.push(row);
  }

  #put(row: PeerRow, changes: Changes, isProved: boolean): void {
    const before = this.#peers.get(row.id);
    const same = before?.publicKey === row.publicKey && before.ip === row.ip;
    if (before && !same) this.#remove(row.id, changes);
    this.#removeRivals(row, changes);
    this.#peers.set(row.id, row);
    this.#idOfKey.set(row.publicKey, row.id);
    this.#gone.delete(row.ip);
    this.#withheld.delete(row.ip);
    if (this.isTunnel(row)) {
      const { id, name, ip, publicKey, cidrId } = row;
      const known = this.pins.withKey(publicKey);
      const isSure = isProved || (known?.ip === ip && !known.isUnmet);
      this.pins.add({ id, name, ip, publicKey, cidrId, ...(isSure ? {} : { isUnmet: true }) });
    }
    if (!before || !same) changes.added.push(row);
    else if (!looksSame(before, row)) changes.changed.push({ before, after: row });
  }

  /** A damaged file may have two rows with one address or key: one would outlive the other. */
  #removeRivals({ id, ip, publicKey }: PeerRow, changes: Changes): void {
    for (const rival of [this.#idOfKey.get(publicKey), this.pins.at(ip)?.id]) {
      const row = rival === undefined || rival === id ? undefined : this.#peers.get(rival);
      if (row && (row.ip === ip || row.publicKey === publicKey)) this.#remove(row.id, changes);
    }
  }
}

/** After a change; a row alone counts too. */
const openingsIn = (
  known: ReadonlyMap<CidrId, LimitRow>,
  { changed, removed }: NonNullable<Delta['limits']>,
): number => {
  const after = new Map(known);
  for (const id of removed) after.delete(id);
  for (const row of changed) after.set(row.cidrId, row);
  let count = 0;
  for (const { inbound, outbound } of after.values())
    for (const { ports } of [{ ports: undefined }, ...inbound, ...outbound]) count += ports?.length ?? 1;
  return count;
};

/** Total including unknown rows. */
const added = <T>(rows: readonly T[], known: (row: T) => unknown, already: number): number =>
  already + rows.filter((row) => known(row) === undefined).length;

const sameRow = (row: PeerRow, known: PeerRow | undefined): boolean =>
  known !== undefined && looksSame(row, known);

const sameCidr = (row: CidrRow, known: CidrRow | undefined): boolean =>
  known?.name === row.name && known.cidr === row.cidr && known.parentId === row.parentId;

const sameHeld = ({ row, rule }: Held, known: Held | undefined): boolean =>
  known?.rule === rule && sameRow(row, known.row);

const isNothing = ({ peers, cidrs, routes, held, released, emptied }: Effect): boolean =>
  !emptied &&
  !routes &&
  [peers.changed, peers.removed, cidrs.changed, cidrs.removed, held, released].every(
    ({ length }) => length === 0,
  );

/** An admin sets the endpoint of this row. */
export const serverRow = (mirror: Mirror): PeerRow | undefined => mirror.peer(SERVER_PEER);
