/**
 * Shares the pairs of this machine between `Contacts`, which punches holes, and `Paths`, which begins at a relay;
 * no I/O. Each pair belongs to one of the two.
 */
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import type { DeviceState, PeerState, Step } from '../../wireguard/device.ts';
import type { Pair } from '../memory/pins.ts';
import type { Contacts, Newcomer } from './contacts.ts';
import type { Facts, PathAction, Paths } from './paths.ts';

/** Facts of a pair; without a relay in common it is left to `Contacts`. */
export type PairFacts = Facts & { isBehindRouters: boolean };

type Moment = { now: number; wall: number };
type Known = {
  readonly pair: Pair;
  facts: PairFacts;
  readonly newcomer: Newcomer | undefined;
  readonly since: number;
};

/** The newcomer starts, also where its mailbox opens a little later than it is known (ms). */
const NEW_FOR_MS = 10_000;

export class Meetings {
  readonly contacts: Contacts;
  readonly paths: Paths;
  readonly #known = new Map<PublicKey, Known>();
  /** No relay led to them: `Contacts` tries all places until it meets them, or until there is news of relays. */
  readonly #parted = new Set<PublicKey>();
  /** To be taken over with the next reading. */
  readonly #awaited = new Set<PublicKey>();

  constructor(contacts: Contacts, paths: Paths) {
    this.contacts = contacts;
    this.paths = paths;
  }

  /** In ms of the monotonic clock. */
  get nextDue(): number {
    if (this.#awaited.size > 0) return 0;
    return Math.min(this.contacts.nextDue, this.paths.nextDue);
  }

  get size(): number {
    return this.contacts.size + this.paths.size;
  }

  get isGreeting(): boolean {
    return this.contacts.isGreeting || this.paths.meeting > 0 || this.#awaited.size > 0;
  }

  get meeting(): number {
    return this.contacts.meeting + this.paths.meeting + this.#awaited.size;
  }

  knows(publicKey: PublicKey): boolean {
    return this.contacts.knows(publicKey) || this.paths.knows(publicKey);
  }

  add(
    pair: Pair,
    facts: PairFacts,
    about: Moment & { has?: PeerState | undefined; newcomer?: Newcomer | undefined },
  ): PathAction[] {
    const { publicKey } = pair;
    this.#known.set(publicKey, { pair, facts, newcomer: about.newcomer, since: about.now });
    this.#parted.delete(publicKey);
    this.paths.remove(publicKey);
    if (isForPaths(facts)) {
      this.contacts.release(publicKey);
      return this.paths.add(pair, facts, about);
    }
    return stepsOf(this.contacts.add(pair, placesOf(facts), about));
  }

  /** Only what was added: the server's own peer is nobody's to remove. */
  remove(publicKey: PublicKey): PathAction[] {
    if (!this.#known.delete(publicKey)) return [];
    this.#parted.delete(publicKey);
    this.#awaited.delete(publicKey);
    this.paths.remove(publicKey);
    this.contacts.release(publicKey);
    return [{ do: 'step', step: { kind: 'remove', publicKey } }];
  }

  /** `moved`: the peer was seen at another host. */
  learn(publicKey: PublicKey, facts: PairFacts, now: number, moved = false): PathAction[] {
    const known = this.#known.get(publicKey);
    if (!known) return [];
    const hasNewRelays = spelt(known.facts) !== spelt(facts);
    known.facts = facts;
    if (this.paths.knows(publicKey)) {
      if (isForPaths(facts)) return this.paths.learn(publicKey, facts, now, moved);
      this.#awaited.add(publicKey);
      return [];
    }
    if (hasNewRelays) this.#parted.delete(publicKey);
    if (isForPaths(facts) && !this.#parted.has(publicKey)) {
      this.#awaited.add(publicKey);
      return [];
    }
    return stepsOf(this.contacts.learn(publicKey, placesOf(facts), now));
  }

  move(now: number, wall: number): PathAction[] {
    this.contacts.move(now, wall);
    return this.paths.move(now);
  }

  tick(state: DeviceState, now: number, wall: number): PathAction[] {
    const taken = [...this.#awaited].flatMap((publicKey) => this.#share(publicKey, state, { now, wall }));
    this.#awaited.clear();
    const steps = stepsOf(this.contacts.tick(state, now, wall));
    const actions = this.paths.tick(state, now, wall);
    for (const publicKey of this.#parted)
      if (this.contacts.isMet(publicKey)) taken.push(...this.#toPaths(publicKey, state, { now, wall }));
    return [...taken, ...steps, ...this.settle(actions, { now, wall })];
  }

  /** Carries out `apart`: such a pair is met again in all its places. */
  settle(actions: readonly PathAction[], { now, wall }: Moment): PathAction[] {
    return actions.flatMap((action) => {
      const known = action.do === 'apart' ? this.#known.get(action.peer) : undefined;
      if (!known) return action.do === 'apart' ? [] : [action];
      this.#parted.add(known.pair.publicKey);
      return stepsOf(this.contacts.add(known.pair, placesOf(known.facts), { now, wall }));
    });
  }

  /** To whom the pair belongs by what is known now. */
  #share(publicKey: PublicKey, state: DeviceState, moment: Moment): PathAction[] {
    const known = this.#known.get(publicKey);
    if (!known || isForPaths(known.facts) === this.paths.knows(publicKey)) return [];
    if (isForPaths(known.facts)) return this.#toPaths(publicKey, state, moment);
    const wasDirect = this.paths.report(publicKey)?.way === 'direct';
    this.paths.remove(publicKey);
    const has = wasDirect ? state.peers.get(publicKey) : undefined;
    return stepsOf(this.contacts.add(known.pair, placesOf(known.facts), { ...moment, has }));
  }

  #toPaths(publicKey: PublicKey, state: DeviceState, moment: Moment): PathAction[] {
    const known = this.#known.get(publicKey);
    if (!known) return [];
    this.#parted.delete(publicKey);
    this.contacts.release(publicKey);
    const newcomer = moment.now - known.since < NEW_FOR_MS ? known.newcomer : undefined;
    return this.paths.add(known.pair, known.facts, { ...moment, newcomer, has: state.peers.get(publicKey) });
  }
}

const isForPaths = ({ relays, isBehindRouters }: PairFacts): boolean => isBehindRouters && relays.length > 0;

/** The relays last: they are the way that always works, where the peer is there at all. */
const placesOf = ({ places, relays }: PairFacts): SocketAddress[] => [
  ...new Set([...places, ...relays.map(({ place }) => place)]),
];

const spelt = ({ relays, isBehindRouters }: PairFacts): string =>
  [isBehindRouters, ...relays.map(({ id, place }) => `${id} ${place}`)].join();

const stepsOf = (steps: readonly Step[]): PathAction[] => steps.map((step) => ({ do: 'step', step }));
