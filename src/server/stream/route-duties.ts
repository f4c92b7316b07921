/** Tells each router's machine what it carries and for whom, and takes its word on what it would carry. */
import { type Carried, carriedBy, routersOf } from '../../domain/routes.ts';
import type { Offer } from '../../protocol/rows.ts';
import type { PeerId } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Observations } from '../observations/observations.ts';
import type { Audience } from './audience.ts';
import { carryFrames } from './carry-frames.ts';
import type { Member } from './member.ts';

/** All that see a machine hear of its word, so that it counts once in this time. */
const WORD_EVERY_MS = 1_000;

type Word = { heardAt: number; timer: NodeJS.Timeout | undefined };

export class RouteDuties {
  readonly #live: Live;
  readonly #observations: Observations;
  readonly #audience: Audience;
  /** As told. */
  readonly #told = new WeakMap<Member, string>();
  /** Peers that carry something, as told. */
  readonly #carriers = new Set<PeerId>();
  readonly #words = new Map<PeerId, Word>();

  constructor(live: Live, observations: Observations, audience: Audience) {
    this.#live = live;
    this.#observations = observations;
    this.#audience = audience;
  }

  close(): void {
    for (const { timer } of this.#words.values()) clearTimeout(timer);
  }

  /** Before users are told: who may no longer finds the way closed, who may now finds it open. */
  follow(): void {
    const { network } = this.#live;
    if (network.routeCount + this.#carriers.size === 0) return;
    const ids = new Set(this.#carriers);
    for (const route of network.routes()) for (const { peerId } of routersOf(network, route)) ids.add(peerId);
    for (const id of ids) for (const member of this.#audience.ofPeer(id)) this.level(member);
  }

  /** A stream begins, or the log has changed. A machine that never carried anything hears nothing. */
  level(member: Member): void {
    if (!member.canCarry) return;
    const routes = carriedBy(this.#live.network, member.peerId);
    if (routes.length > 0 || this.#told.has(member)) this.#tell(member, routes);
  }

  /** Answered once in each stream: a machine may go on with what an earlier run was told. */
  offers(member: Member, offers: readonly Offer[]): void {
    if (!member.canCarry) return;
    this.#hear(member.peerId, offers);
    if (!this.#told.has(member)) this.#tell(member, carriedBy(this.#live.network, member.peerId));
  }

  #tell(member: Member, routes: readonly Carried[]): void {
    const text = JSON.stringify(routes);
    if (this.#told.get(member) === text) return;
    this.#told.set(member, text);
    if (routes.length > 0) this.#carriers.add(member.peerId);
    else this.#carriers.delete(member.peerId);
    for (const frame of carryFrames(routes)) this.#audience.write(member, Buffer.from(JSON.stringify(frame)));
  }

  #hear(id: PeerId, offers: readonly Offer[]): void {
    const word = this.#words.get(id) ?? { heardAt: Number.NEGATIVE_INFINITY, timer: undefined };
    this.#words.set(id, word);
    clearTimeout(word.timer);
    const take = (): void => {
      word.timer = undefined;
      word.heardAt = performance.now();
      if (this.#live.network.peer(id)) this.#observations.setOffers(id, offers);
    };
    const wait = word.heardAt + WORD_EVERY_MS - performance.now();
    if (wait <= 0) take();
    else word.timer = setTimeout(take, wait).unref();
  }
}
