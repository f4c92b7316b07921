/** The routes that this machine takes: which of its peers has which block, on the device and in the kernel. */
import type { Observation, Offer, PeerRow } from '../../protocol/rows.ts';
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import type { PeerId, RouteId } from '../../values/id.ts';
import { type Cidr, containsCidr, containsIp, familyOf, type Ip, singleton } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type DeviceState, isLive, type PeerConfig, type Step } from '../../wireguard/device.ts';
import { RoutedBlocks } from '../../wireguard/routed-blocks.ts';
import type { Mirror } from '../memory/mirror.ts';
import { heldReason, isDefault, type Surroundings } from './held-blocks.ts';
import { type Decision, NO_DECISION, type RouteReport, type RouterState, Routes } from './routes.ts';
import { Silences } from './silences.ts';
import { surroundings } from './surroundings.ts';

/** Of a router's silence: until it counts as gone. One that is met at relays may have lost its way alone. */
const PATIENCE_MS = { direct: 1500, byRelays: 3000 } as const;
const ANSWER_WITHIN_MS = 1000;

export type TakenRoutesOptions = {
  network: InterfaceName;
  mirror: Mirror;
  /** What routers' machines said last. */
  offers: Map<PeerId, readonly Offer[]>;
  /** Of the conf. */
  accepts: () => readonly Cidr[];
  exit: () => RouteId | undefined;
  /** False: this machine takes none. */
  takes: boolean;
  /** False: the user makes the kernel's routes. */
  routing: boolean;
  state: () => DeviceState | undefined;
  /** Whether the device has the peer, or is to have it. */
  hasTunnel: (row: PeerRow) => boolean;
  isUnreached: (key: PublicKey) => boolean;
  isMetAtRelays: (key: PublicKey) => boolean;
  /** Where the server and relays are reached, by the word for each. */
  hosts: () => readonly { what: string; place: SocketAddress }[];
  /** Whether its program answers through the tunnel. */
  ask: (ip: Ip, patience: number) => Promise<boolean>;
  change: (steps: () => Step[]) => Promise<void>;
  say: (message: string) => void;
};

export class TakenRoutes {
  readonly #options: TakenRoutesOptions;
  readonly #routes = new Routes();
  readonly #silences = new Silences();
  readonly #kernel: RoutedBlocks;
  #decision: Decision = NO_DECISION;
  #around: Surroundings = { connected: [], routed: [], hosts: [] };
  /** For which routes `#around` was looked at. */
  #lookedFor = '';
  readonly #liveSince = new Map<PublicKey, number>();
  #routed = '';
  #trouble = '';

  constructor(options: TakenRoutesOptions) {
    this.#options = options;
    this.#kernel = new RoutedBlocks(options.network, familyOf(options.mirror.ground.range));
  }

  get reports(): readonly RouteReport[] {
    return this.#decision.reports;
  }

  /** In ms of the monotonic clock. */
  get nextDue(): number {
    return Math.min(this.#silences.nextDue, this.#decision.nextDue);
  }

  /** Blocks of the peer besides its own address. */
  blocksOf(key: PublicKey): Cidr[] {
    return [...this.#decision.owners].flatMap(([block, owner]) => (owner === key ? [block] : []));
  }

  /** All blocks that peers have. */
  get blocks(): ReadonlySet<Cidr> {
    return new Set(this.#decision.owners.keys());
  }

  /** Whether packets to that place would go through the tunnel. */
  leadsTo(place: SocketAddress): boolean {
    const ip = hostOf(place) as Ip;
    return this.#decision.taken.some((block) => !isDefault(block) && containsIp(block, ip));
  }

  /** With what a peer is to have besides its own address: whoever makes steps need not know. */
  completed(steps: readonly Step[]): Step[] {
    if (this.#decision.owners.size === 0) return [...steps];
    return steps.map((step) => {
      if ((step.kind !== 'set' && step.kind !== 'recreate') || step.allowedIps === undefined) return step;
      const allowedIps = [...new Set([...step.allowedIps, ...this.blocksOf(step.publicKey)])];
      return { ...step, allowedIps } as Step;
    });
  }

  /** Before the first comparison. */
  async start(): Promise<void> {
    if (this.#hasRoutes) await this.#lookAround();
  }

  /** Looks at this machine's networks again, and takes what is free now. */
  async look(): Promise<void> {
    if (!this.#hasRoutes && this.#decision.reports.length === 0) return;
    await this.#lookAround();
    await this.#options.change(() => this.decide(performance.now()));
  }

  /** After a change of rows. */
  async follow(): Promise<void> {
    if (this.#lookedFor !== this.#spelt) await this.look();
  }

  /** Whether the peer's machine says something else than before. */
  hear({ id, offers = [] }: Observation): boolean {
    const before = this.#options.offers.get(id) ?? [];
    if (JSON.stringify(before) === JSON.stringify(offers)) return false;
    if (offers.length > 0) this.#options.offers.set(id, offers);
    else this.#options.offers.delete(id);
    return true;
  }

  forget(id: PeerId): void {
    this.#options.offers.delete(id);
  }

  /** What an earlier run left on the device. */
  adopt(state: DeviceState): void {
    const { mirror } = this.#options;
    for (const { publicKey, allowedIps } of state.peers.values()) {
      const row = mirror.peerWithKey(publicKey);
      if (!row) continue;
      for (const block of allowedIps)
        if (!containsCidr(mirror.ground.range, block)) this.#routes.adopt(block, row.id);
    }
  }

  /** A reading of the device. */
  tick(state: DeviceState, now: number, wall: number): Step[] {
    if (!this.#hasRoutes) return [];
    for (const key of this.#silences.keys) {
      const has = state.peers.get(key);
      if (!has || !isLive(has, wall)) this.#liveSince.delete(key);
      else if (!this.#liveSince.has(key)) this.#liveSince.set(key, now);
    }
    const asked = this.#silences.tick(state, now, (key) =>
      this.#options.isMetAtRelays(key) ? PATIENCE_MS.byRelays : PATIENCE_MS.direct,
    );
    for (const key of asked) void this.#ask(key);
    return this.decide(now);
  }

  /** Steps that lead there from the decision before; call it in the device's turn. */
  decide(now: number): Step[] {
    const before = this.#decision;
    const { mirror, takes, exit } = this.#options;
    this.#decision = this.#routes.decide(
      {
        rows: takes ? mirror.routes() : [],
        router: (id) => this.#router(id),
        held: (row, block) => this.#heldReason(row.routers, block),
        exit: exit(),
      },
      now,
    );
    this.#silences.watch(this.#routers(), now);
    this.#routeSoon();
    return [...this.#grants(before), ...this.#withdrawals(before)];
  }

  /** Also after the device was made again. */
  async route(): Promise<void> {
    if (!this.#options.routing) return;
    try {
      await this.#kernel.keep(this.#decision.taken.filter((block) => !isDefault(block)));
      this.#trouble = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#trouble) this.#options.say(`routes cannot be made: ${message}`);
      this.#trouble = message;
    }
  }

  get #hasRoutes(): boolean {
    return this.#options.takes && this.#options.mirror.routes().next().done === false;
  }

  get #spelt(): string {
    return this.#options.takes ? JSON.stringify([...this.#options.mirror.routes()]) : '';
  }

  async #lookAround(): Promise<void> {
    const { network, mirror } = this.#options;
    this.#lookedFor = this.#spelt;
    this.#around = await surroundings(familyOf(mirror.ground.range), network);
  }

  #routeSoon(): void {
    const routed = this.#decision.taken.join();
    if (routed === this.#routed) return;
    this.#routed = routed;
    void this.route();
  }

  /** To the new owner: the one before loses the block by that. */
  #grants(before: Decision): Step[] {
    const added = new Map<PublicKey, Cidr[]>();
    for (const [block, key] of this.#decision.owners)
      if (before.owners.get(block) !== key) added.set(key, [...(added.get(key) ?? []), block]);
    return [...added].flatMap(([publicKey, blocks]): Step[] => {
      const allowedIps = this.#allowedIps(publicKey);
      return allowedIps ? [{ kind: 'allow', publicKey, allowedIps, added: blocks }] : [];
    });
  }

  /** From peers whose block goes to nobody. */
  #withdrawals(before: Decision): Step[] {
    const losers = new Set<PublicKey>();
    for (const [block, key] of before.owners) if (!this.#decision.owners.has(block)) losers.add(key);
    return [...losers].flatMap((publicKey): Step[] => {
      const allowedIps = this.#allowedIps(publicKey);
      return allowedIps ? [{ kind: 'set', publicKey, allowedIps }] : [];
    });
  }

  /** Undefined: the device has no such peer, or must not have it. */
  #allowedIps(key: PublicKey): PeerConfig['allowedIps'] | undefined {
    const row = this.#options.mirror.peerWithKey(key);
    if (!row || !this.#options.hasTunnel(row)) return undefined;
    return [singleton(row.ip), ...this.blocksOf(key)];
  }

  #router(id: PeerId): RouterState | undefined {
    const { mirror, offers, hasTunnel, isUnreached } = this.#options;
    const row = mirror.peer(id);
    if (!row || !hasTunnel(row)) return undefined;
    const key = row.publicKey;
    return {
      key,
      offers: offers.get(id) ?? [],
      since: this.#liveSince.get(key),
      isSilent: this.#silences.isSilent(key) || isUnreached(key),
    };
  }

  #routers(): Set<PublicKey> {
    const { mirror, takes } = this.#options;
    const keys = new Set<PublicKey>();
    for (const { routers } of takes ? mirror.routes() : [])
      for (const { id } of routers) {
        const row = mirror.peer(id);
        if (row && this.#options.hasTunnel(row)) keys.add(row.publicKey);
      }
    return keys;
  }

  #heldReason(routers: readonly { id: PeerId }[], block: Cidr): string | undefined {
    const { mirror, accepts, hosts, state } = this.#options;
    const { range } = mirror.ground;
    if (isDefault(block))
      return familyOf(block) === familyOf(range)
        ? undefined
        : `the network has no IPv${familyOf(block)} addresses: such packets go nowhere`;
    const reached = routers.flatMap(({ id }) => {
      const row = mirror.peer(id);
      const place = row && state()?.peers.get(row.publicKey)?.endpoint;
      return place ? [{ what: row.name, place }] : [];
    });
    const places = [...hosts(), ...reached].map(({ what, place }) => ({ what, ip: hostOf(place) as Ip }));
    const around = { ...this.#around, hosts: [...this.#around.hosts, ...places] };
    return heldReason(block, { range, accepts: accepts() }, around);
  }

  async #ask(key: PublicKey): Promise<void> {
    const row = this.#options.mirror.peerWithKey(key);
    if (row && (await this.#options.ask(row.ip, ANSWER_WITHIN_MS))) this.#silences.hear(key);
  }
}
