/**
 * One trial of the direct way: both sides tell their tokens through the tunnel, then send probes to all places, and
 * a probe that comes back is the proof; no I/O. It touches no endpoint.
 */

import type { Token, WayMessage } from '../../protocol/talk-message.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Budget } from './budget.ts';

/** Of probes since the other's token is known, and the end of a trial. */
const PROBES_MS = [0, 100, 300, 700] as const;
export const TRIAL_MS = 1000;
/** The waiting side hears `go` later. */
const GO_WITHIN_MS = 1000;
/** For an answer through the tunnel, and until the question is repeated. */
const READY_WITHIN_MS = 2000;
const ASK_AGAIN_MS = 300;
const MAX_PLACES = 8;
/** Both sides answer probes so long after it succeeded: the other one may still ask. */
const ANSWERS_FOR_MS = 2 * TRIAL_MS;

/** From WireGuard's own port; an answer has the probe's number. */
export type ProbeAction = { do: 'probe' | 'answer'; to: SocketAddress; token: Token; number: number };
export type TellAction = { do: 'tell'; peer: PublicKey; message: WayMessage };

export type TrialOptions = {
  peer: PublicKey;
  own: Token;
  /** Of the side that started; undefined: this side starts. */
  other?: Token;
  /** Shared by all trials of this machine. */
  budget: Budget;
  now: number;
};

export class Trial {
  readonly own: Token;
  readonly #peer: PublicKey;
  readonly #isStarter: boolean;
  readonly #budget: Budget;
  readonly #startedAt: number;
  #askedAt: number;
  #other: Token | undefined;
  /** Since the other's token is known. */
  #readyAt: number | undefined;
  #rounds = 0;
  #sent = 0;
  /** Where the other's probes came from, by their numbers. */
  readonly #from = new Map<number, SocketAddress>();

  constructor({ peer, own, other, budget, now }: TrialOptions) {
    this.own = own;
    this.#peer = peer;
    this.#isStarter = other === undefined;
    this.#budget = budget;
    this.#startedAt = now;
    this.#askedAt = now;
    this.#other = other;
    this.#readyAt = other === undefined ? undefined : now;
  }

  isWith(token: Token): boolean {
    return this.#other === token;
  }

  get isReady(): boolean {
    return this.#other !== undefined;
  }

  get hasProbed(): boolean {
    return this.#rounds > 0;
  }

  /** The own token, through the tunnel. */
  tell(): TellAction {
    return {
      do: 'tell',
      peer: this.#peer,
      message: { do: this.#isStarter ? 'try' : 'ready', token: this.own },
    };
  }

  /** The other side tells its token. Returns the round trip in ms; undefined: it was known. */
  ready(other: Token, now: number): number | undefined {
    if (this.#other !== undefined) return undefined;
    this.#other = other;
    this.#readyAt = now;
    return now - this.#askedAt;
  }

  /** The probes that are due. */
  probe(places: readonly SocketAddress[], now: number): ProbeAction[] {
    const [other, readyAt, at] = [this.#other, this.#readyAt, PROBES_MS[this.#rounds]];
    if (other === undefined || readyAt === undefined || at === undefined || now < readyAt + at) return [];
    this.#rounds += 1;
    return places
      .slice(0, MAX_PLACES)
      .filter((place) => this.#budget.take(place, now))
      .map((to) => this.#probeTo(to, other));
  }

  /** What is due now; a sentence: why it has failed. */
  look(places: readonly SocketAddress[], now: number): (ProbeAction | TellAction)[] | string {
    if (this.#readyAt === undefined) return this.#waitForToken(now);
    if (now - this.#readyAt < TRIAL_MS + (this.#isStarter ? 0 : GO_WITHIN_MS)) return this.probe(places, now);
    return 'no probe got through the routers';
  }

  /** Answers a probe of the other side, and probes the place that it came from if that is a new one. */
  answer(
    number: number,
    from: SocketAddress,
    places: readonly SocketAddress[],
    isOver: boolean,
  ): ProbeAction[] {
    if (this.#other === undefined) return [];
    const isNew = !places.includes(from) && ![...this.#from.values()].includes(from);
    this.#from.set(number, from);
    const answer: ProbeAction = { do: 'answer', to: from, token: this.#other, number };
    return isNew && !isOver ? [answer, this.#probeTo(from, this.#other)] : [answer];
  }

  /** For the other side, once this probe came back. */
  go(probe: number): TellAction {
    return { do: 'tell', peer: this.#peer, message: { do: 'go', token: this.own, probe } };
  }

  /** Where the other side's probe with that number came from. */
  placeOf(probe: number): SocketAddress | undefined {
    return this.#from.get(probe);
  }

  isForgotten(now: number): boolean {
    return this.#readyAt !== undefined && now - this.#readyAt > ANSWERS_FOR_MS;
  }

  #waitForToken(now: number): TellAction[] | string {
    if (now - this.#startedAt >= READY_WITHIN_MS) return 'its program does not answer';
    if (now - this.#askedAt < ASK_AGAIN_MS) return [];
    this.#askedAt = now;
    return [this.tell()];
  }

  #probeTo(to: SocketAddress, token: Token): ProbeAction {
    this.#sent += 1;
    return { do: 'probe', to, token, number: this.#sent % 256 };
  }
}
