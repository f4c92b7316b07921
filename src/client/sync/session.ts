/** A client's session with its server as a pure machine: events go in, effects come out. */

import { patienceAt, pauseBefore } from '../../caller/back-off.ts';
import { printable } from '../../domain/rejection.ts';
import { clientCan, PEER_RELAY, ROUTES } from '../../protocol/can.ts';
import type { ServerFrame } from '../../protocol/frames.ts';
import { BEFORE_READING } from '../../protocol/http.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId } from '../../values/id.ts';
import type { PolledState } from '../api/polled-state.ts';
import { doubtSentence } from '../memory/doubt.ts';
import type { Effect, Mirror, Verdict } from '../memory/mirror.ts';
import type { Trust } from '../memory/trust.ts';
import { type End, mayBeGone, NO_SUCH_STREAM } from './end.ts';
import type { Goal, SessionEffect, SessionEvent, StreamEvent, Trouble } from './session-events.ts';

/** For a verb that waits for the first news. */
const MAX_PAUSE_OF_VERB_MS = 500;
/** After a shut-out: retry after this pause or when WireGuard is answered. */
const SHUT_OUT_PAUSE_MS = 60_000;
const SHUT_OUT_LOOK_MS = 1000;
const MAX_NAMES = 5;

/** The owner's view of its link to the server. */
export type LinkStatus = {
  connected: boolean;
  /** Milliseconds since 1970. */
  heard: number | undefined;
  /** Disabled or deleted, by the server's word. */
  isShutOut: boolean;
  /** An older server without a live stream. */
  polled: boolean;
};

type Phase =
  | { kind: 'idle' }
  | { kind: 'reaching' }
  | { kind: 'streaming' }
  /** Asks an older server whether its age explains the refusal, for its state, or for a stream. */
  | { kind: 'checking' }
  | { kind: 'asking' }
  | { kind: 'checkingAgain' }
  | { kind: 'resting' }
  | { kind: 'restingPolled' }
  | { kind: 'restingShutOut'; since: number }
  | { kind: 'over' };

export type SessionOptions = {
  mirror: Mirror;
  trust: Pick<Trust, 'standing' | 'doubt' | 'doubtOf' | 'hint'>;
  /** For messages. */
  serverEndpoint: () => Endpoint;
  /** Seconds between polls without a live stream. */
  pollEvery: number;
  /** Whether this machine can keep peers to their limits. */
  canLimit: () => boolean;
  /** From 0 to 1. */
  random: () => number;
};

const FETCH: SessionEffect = { do: 'fetch', least: 0 };
const TELL: SessionEffect = { do: 'tell' };

export class Session {
  readonly #options: SessionOptions;
  readonly #mirror: Mirror;
  #phase: Phase = { kind: 'idle' };
  #goal: Goal = { kind: 'follow' };
  #hasRelays = false;
  #isLevel = false;
  /** Failed attempts in a row. */
  #attempt = 0;
  #lastEnd: End | undefined;
  #isConnected = false;
  #isShutOut = false;
  #isPolled = false;
  #heardAt: number | undefined;
  /** The WireGuard session may lead nowhere. */
  #serverMayHaveMoved = true;
  #seen: { boot: string; sequence: number } = { boot: '', sequence: 0 };
  /** A frame could not be taken, so no later one can. */
  #isSpoiled = false;
  #hasSaidTooOld = false;
  #saidUnreadable = '';

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#mirror = options.mirror;
  }

  get status(): LinkStatus {
    const [connected, heard] = [this.#isConnected, this.#heardAt];
    return { connected, heard, isShutOut: this.#isShutOut, polled: this.#isPolled };
  }

  /** `at`: milliseconds since 1970. */
  hears(at: number): void {
    this.#heardAt = at;
  }

  /** `now`: milliseconds of the monotonic clock. */
  on(event: SessionEvent, now: number): SessionEffect[] {
    if (this.#phase.kind === 'over') return [];
    switch (event.kind) {
      case 'start':
        this.#goal = event.goal;
        this.#attempt = 0;
        return this.#tryAgain(now);
      case 'reached':
        return this.#onReached(event.isNew, now);
      case 'noWay':
        return [
          { do: 'complain', message: event.failure.message },
          { do: 'repairDevice' },
          ...this.#onEnded({ kind: 'noWay', failure: event.failure }, now),
        ];
      case 'opened':
      case 'frame':
      case 'unknown':
      case 'level':
        return this.#isSpoiled || this.#phase.kind !== 'streaming' ? [] : this.#onStream(event);
      case 'ended':
        return this.#onEnded(event.end, now);
      case 'unfit':
        return [{ do: 'cut', loss: event.loss }];
      case 'clockSetBack':
        return [FETCH];
      case 'snapshot':
        return this.#obey(this.#mirror.judgeSnapshot(event.snapshot, event.reached));
      case 'untaken':
        return this.#onUntaken(event, now);
      case 'capabilities':
        return this.#onCapabilities(event.hasStream, now);
      case 'state':
        return this.#onState(event.state, event.heardAt);
      case 'reported':
        return this.#phase.kind === 'asking' ? this.#afterAnswer() : [];
      case 'unanswered':
        return this.#onUnanswered(event, now);
      case 'rested':
        return this.#onRested(now);
      case 'handshake':
        return this.#onHandshake(event.isThere, now);
      case 'noStream':
        return this.#onNoStream();
      case 'addresses':
        return this.#onAddresses(event.moved, now);
      case 'acknowledged':
        this.#mirror.isDoubted = false;
        return [{ do: 'cut', loss: 'acknowledged' }, ...this.#wake(now)];
      case 'stop':
        return this.#stop();
    }
  }

  unreachable(end?: End): Failure {
    if (this.#isShutOut)
      return new Failure('this machine was shut out of the network: it was disabled or deleted', {
        hint: 'ask an admin of the network to enable it; it comes back by itself then',
      });
    if (end?.kind === 'noWay') return end.failure;
    const { trust, serverEndpoint } = this.#options;
    if (trust.doubt === 'Unproved') return new Failure(doubtSentence(trust.doubt), { hint: trust.hint });
    if (end?.kind === 'refused')
      return new Failure(`the server does not let this machine in (HTTP status ${end.status})`, {
        hint: 'it may be disabled: ask an admin of the network',
      });
    return new Failure(`the server at ${serverEndpoint()} does not answer`, {
      hint: 'tunnels to other peers stay as they are; see: innernet show',
    });
  }

  #tryAgain(now: number): SessionEffect[] {
    const isHopeless = this.#isShutOut || (this.#goal.kind === 'level' && now >= this.#goal.deadline);
    if (this.#goal.kind === 'level' && isHopeless) return this.#fail();
    return this.#reach();
  }

  /** Keeps a live session on the first attempt, or if the last one was answered. */
  #reach(): SessionEffect[] {
    this.#phase = { kind: 'reaching' };
    return [{ do: 'reach', isTrusted: this.#seen.boot === '' || !this.#serverMayHaveMoved }];
  }

  #onReached(isNew: boolean, now: number): SessionEffect[] {
    if (isNew) this.#serverMayHaveMoved = false;
    if (this.#phase.kind !== 'reaching') return [];
    if (this.#isPolled && this.#goal.kind === 'follow') {
      this.#phase = { kind: 'checkingAgain' };
      return [{ do: 'askCapabilities' }];
    }
    if (this.#goal.kind === 'level' && now >= this.#goal.deadline) {
      this.#lastEnd = { kind: 'lost', loss: 'slow' };
      return this.#fail();
    }
    return this.#open();
  }

  #open(): SessionEffect[] {
    const { head, filled } = this.#mirror;
    this.#phase = { kind: 'streaming' };
    this.#isSpoiled = false;
    const query = {
      ...(head ? { position: head.position, hash: head.hash } : {}),
      ...(head && !filled ? { state: 'none' as const } : {}),
      ...(this.#seen.boot ? this.#seen : {}),
      can: clientCan(this.#options.canLimit()),
    };
    return [{ do: 'open', query, patience: patienceAt(this.#attempt), isNewcomer: !filled }];
  }

  #onEnded(said: End, now: number): SessionEffect[] {
    if (this.#phase.kind !== 'streaming') return [];
    this.#lose({ mayBeGone: mayBeGone(said) });
    const { end, effects } = this.#judgeEnd(said);
    this.#lastEnd = end;
    if (this.#isLevel) return [...this.#finish(), ...effects];
    if (end.kind !== 'refused' || !NO_SUCH_STREAM.includes(end.status))
      return [...this.#restAfter(now), ...effects];
    this.#phase = { kind: 'checking' };
    return [{ do: 'askCapabilities' }, ...effects];
  }

  /** From a server that proves itself, only a proved refusal counts. */
  #judgeEnd(end: End): { end: End; effects: SessionEffect[] } {
    if (end.kind !== 'refused') return { end, effects: [] };
    if (!end.isProved && this.#options.trust.standing === 'proves') {
      // Statuses before the call is read are never proved; a final refusal would be.
      const effects = BEFORE_READING.includes(end.status) ? [] : this.#hear(false);
      return { end: { kind: 'lost', loss: 'unproved' }, effects };
    }
    if (end.status !== 401) return { end, effects: [] };
    const message = 'the server does not let this machine in: it may be disabled';
    const effects: SessionEffect[] = this.#isShutOut ? [] : [{ do: 'say', message }];
    this.#isShutOut = true;
    return { end, effects };
  }

  #restAfter(now: number): SessionEffect[] {
    const pause = pauseBefore(this.#attempt, this.#options.random());
    this.#attempt += 1;
    if (this.#goal.kind === 'follow' && this.#isShutOut) return this.#restShutOut(now);
    this.#phase = { kind: 'resting' };
    const milliseconds = this.#goal.kind === 'level' ? Math.min(MAX_PAUSE_OF_VERB_MS, pause) : pause;
    return [{ do: 'rest', milliseconds }];
  }

  /** A new handshake is answered once this machine is let in; an old session would last two minutes. */
  #restShutOut(now: number): SessionEffect[] {
    this.#phase = { kind: 'restingShutOut', since: now };
    return [
      ...(this.#serverMayHaveMoved ? [{ do: 'knock' } as const] : []),
      { do: 'rest', milliseconds: SHUT_OUT_LOOK_MS },
    ];
  }

  #onRested(now: number): SessionEffect[] {
    if (this.#phase.kind === 'restingShutOut') return [{ do: 'lookForHandshake', since: this.#phase.since }];
    return this.#wake(now);
  }

  #onHandshake(isThere: boolean, now: number): SessionEffect[] {
    if (this.#phase.kind !== 'restingShutOut') return [];
    if (isThere || now >= this.#phase.since + SHUT_OUT_PAUSE_MS) return this.#tryAgain(now);
    return [{ do: 'rest', milliseconds: SHUT_OUT_LOOK_MS }];
  }

  #wake(now: number): SessionEffect[] {
    switch (this.#phase.kind) {
      case 'resting':
      case 'restingShutOut':
        return this.#tryAgain(now);
      case 'restingPolled':
        return this.#reach();
      default:
        return [];
    }
  }

  /** It has been reached, without a new handshake of ours. */
  #onNoStream(): SessionEffect[] {
    this.#serverMayHaveMoved = false;
    if (this.#phase.kind === 'streaming') return [{ do: 'probe' }];
    if (this.#phase.kind !== 'resting') return [];
    this.#attempt = 0;
    return [{ do: 'rest', milliseconds: pauseBefore(0, this.#options.random()) }];
  }

  /** A new stream tells the server the addresses; after a move, so does a new handshake. */
  #onAddresses(moved: boolean, now: number): SessionEffect[] {
    if (moved) this.#lose({ mayBeGone: true });
    const message = 'this machine has another address: peers are met anew';
    return [
      { do: 'guardRange' },
      ...(moved ? [{ do: 'say', message } as const, { do: 'move' } as const] : []),
      { do: 'cut', loss: 'otherAddresses' },
      ...this.#wake(now),
    ];
  }

  #lose({ mayBeGone }: { mayBeGone: boolean }): void {
    this.#isConnected = false;
    if (mayBeGone) this.#serverMayHaveMoved = true;
  }

  #finish(failure?: Failure): SessionEffect[] {
    this.#phase = { kind: 'idle' };
    this.#isLevel = false;
    return [{ do: 'finish', ...(failure ? { failure } : {}) }];
  }

  #fail(): SessionEffect[] {
    return this.#finish(this.unreachable(this.#lastEnd));
  }

  #stop(): SessionEffect[] {
    const effects = this.#phase.kind === 'idle' || this.#goal.kind === 'follow' ? [] : this.#fail();
    this.#phase = { kind: 'over' };
    return [{ do: 'cut', loss: 'stopping' }, ...effects];
  }

  #onStream(event: StreamEvent): SessionEffect[] {
    switch (event.kind) {
      case 'opened': {
        const effects = this.#hear(event.isProved);
        return this.#isUnproved ? [...effects, { do: 'cut', loss: 'unproved' }] : effects;
      }
      case 'frame':
        return this.#onFrame(event.frame);
      case 'unknown':
        return this.#onUnknown(event.frameKind);
      case 'level':
        this.#attempt = 0;
        this.#isLevel = this.#goal.kind === 'level';
        return this.#isLevel ? [{ do: 'cut', loss: 'level' }] : [];
    }
  }

  #onFrame(frame: ServerFrame): SessionEffect[] {
    switch (frame.kind) {
      case 'welcome':
        return this.#onWelcome(frame);
      case 'delta':
        return this.#told(this.#mirror.judgeDelta(frame), frame.peers.joined);
      case 'fetch':
        return [{ do: 'fetch', least: frame.position }, TELL];
      case 'endpoints':
        this.#seen = { boot: frame.boot, sequence: frame.sequence };
        return [{ do: 'observe', observations: frame.peers }];
      case 'relays':
        return this.#onRelays(frame);
      case 'indices':
        return [{ do: 'indices', indices: frame }];
      case 'relay':
        return [{ do: 'relay', duty: frame }];
      case 'carry':
        return [{ do: 'carry', carry: frame }];
      case 'look':
        return [{ do: 'tellWays', seconds: frame.for }];
      case 'revoked':
        this.#isShutOut = true;
        // The server's WireGuard forgot this machine: only a new handshake tells.
        this.#lose({ mayBeGone: true });
        return [
          { do: 'say', message: `this machine was shut out of the network: ${frame.reason}` },
          { do: 'commit', effect: this.#mirror.judgeRevocation() },
          { do: 'endRelay' },
          { do: 'endRouter' },
          // The tunnel ends now, so the server's goodbye would never arrive.
          { do: 'cut', loss: 'stopping' },
        ];
    }
  }

  /** The first of a stream names all. */
  #onRelays({ changed, removed }: ServerFrame & { kind: 'relays' }): SessionEffect[] {
    const isWhole = !this.#hasRelays;
    this.#hasRelays = true;
    return [{ do: 'relays', changed, removed, isWhole }];
  }

  #onWelcome(frame: ServerFrame & { kind: 'welcome' }): SessionEffect[] {
    this.#connect();
    this.#hasRelays = false;
    if (frame.boot !== this.#seen.boot) this.#seen = { boot: frame.boot, sequence: 0 };
    const verdict = this.#mirror.judgeWelcome(frame);
    const isAlarmed = this.#mirror.alarm !== null || verdict.kind === 'alarm';
    const clock: SessionEffect[] =
      this.#mirror.isProved && frame.now !== undefined ? [{ do: 'hearClock', told: frame.now }] : [];
    const relay: SessionEffect[] = frame.can?.includes(PEER_RELAY) ? [{ do: 'greetAsRelay' }] : [];
    const router: SessionEffect[] = frame.can?.includes(ROUTES) ? [{ do: 'greetAsRouter' }] : [];
    return [
      { do: 'greet' },
      ...relay,
      ...router,
      ...this.#obey(verdict),
      ...clock,
      ...(isAlarmed ? [FETCH] : []),
      TELL,
    ];
  }

  #onUnknown(kind: string): SessionEffect[] {
    if (this.#hasSaidTooOld) return [];
    this.#hasSaidTooOld = true;
    const message = `the server speaks of "${printable(kind)}", which this program does not know: bring it up to date`;
    return [FETCH, { do: 'say', message }];
  }

  #connect(): void {
    this.#isConnected = true;
    this.#isShutOut = false;
    this.#serverMayHaveMoved = false;
  }

  #told(verdict: Verdict, joined?: readonly PeerId[]): SessionEffect[] {
    const effects = this.#obey(verdict, joined);
    return verdict.kind === 'known' || verdict.kind === 'gap' ? effects : [...effects, TELL];
  }

  #obey(verdict: Verdict, joined?: readonly PeerId[]): SessionEffect[] {
    switch (verdict.kind) {
      case 'take':
        return [{ do: 'commit', effect: verdict.effect, joined }];
      case 'alarm':
        return this.#alarm(verdict.effect);
      case 'fetch':
        return [FETCH];
      case 'gap':
        return [{ do: 'cut', loss: 'gap' }];
      case 'known':
        return [];
    }
  }

  /** Another history: reported once; removals are obeyed. */
  #alarm(effect: Effect): SessionEffect[] {
    const { peers, released, alarm } = effect;
    if (this.#mirror.alarm && peers.removed.length + released.length === 0) return [];
    const commit = { do: 'commit', effect } as const;
    if (this.#mirror.alarm || !alarm) return [commit];
    const message =
      `ALARM: the server shows another history than before (${alarm.breach} at position ${alarm.position}): ` +
      'tunnels stay, peers that it removes go, nobody is let in';
    return [{ do: 'say', message }, commit];
  }

  /** The frame comes again with a new connection; an older server is asked again. */
  #onUntaken(trouble: Trouble, now: number): SessionEffect[] {
    const { message } = trouble;
    switch (this.#phase.kind) {
      case 'streaming':
        this.#isSpoiled = true;
        return [
          { do: 'complain', message },
          { do: 'cut', loss: 'untaken' },
        ];
      case 'asking':
        return this.#onUnanswered(trouble, now);
      default:
        return [{ do: 'complain', message }];
    }
  }

  /** Unproved: nothing counts if the server proves itself, only removals if a history is known. */
  #hear(isProved: boolean): SessionEffect[] {
    const { trust } = this.#options;
    const doubt = isProved ? undefined : trust.doubtOf({ knowsHistory: this.#mirror.head !== undefined });
    this.#mirror.isDoubted = doubt !== undefined;
    this.#mirror.isProved = isProved;
    if (isProved) return [{ do: 'believe' }];
    if (!doubt) return [];
    const alarm = { do: 'say', message: `ALARM: ${doubtSentence(doubt)}` } as const;
    return [{ do: 'doubt', doubt }, ...(trust.doubt === doubt ? [] : [alarm])];
  }

  get #isUnproved(): boolean {
    return this.#mirror.isDoubted && this.#options.trust.standing === 'proves';
  }

  #onCapabilities(hasStream: boolean | undefined, now: number): SessionEffect[] {
    switch (this.#phase.kind) {
      case 'checking':
        return hasStream === false ? this.#onOlder(now) : this.#restAfter(now);
      case 'checkingAgain':
        return hasStream ? this.#onNewer(now) : this.#askState();
      default:
        return [];
    }
  }

  #onOlder(now: number): SessionEffect[] {
    const effects = this.#hear(false);
    if (this.#isUnproved) return [...this.#restAfter(now), ...effects];
    const wasPolled = this.#isPolled;
    this.#isPolled = true;
    return [...this.#askState(), ...effects, ...(wasPolled ? [] : this.#sayPolled())];
  }

  #sayPolled(): SessionEffect[] {
    const every = `news come when it is asked, with "up --daemon" every ${this.#options.pollEvery} s`;
    const effects: SessionEffect[] = [{ do: 'say', message: `this server has no live stream: ${every}` }];
    if (this.#mirror.head && !this.#mirror.isDoubted)
      effects.push({
        do: 'say',
        message: 'it shows no history either, as it did before: what it says is checked by pins alone',
      });
    return effects;
  }

  #onNewer(now: number): SessionEffect[] {
    this.#isPolled = false;
    this.#attempt = 0;
    this.#lose({ mayBeGone: false });
    return [{ do: 'say', message: 'the server has a live stream now' }, ...this.#tryAgain(now)];
  }

  #askState(): SessionEffect[] {
    this.#phase = { kind: 'asking' };
    return [{ do: 'askState' }];
  }

  #onState({ observations, unreadable, ...shown }: PolledState, heardAt: number): SessionEffect[] {
    const effects = this.#hear(false);
    if (this.#isUnproved) return [...effects, { do: 'report' }];
    this.#connect();
    this.hears(heardAt);
    const names = namesOf(unreadable);
    const isNews = names !== this.#saidUnreadable && names !== '';
    this.#saidUnreadable = names;
    return [
      ...effects,
      { do: 'relieve' },
      ...this.#obey(this.#mirror.judgeState(shown)),
      { do: 'observe', observations },
      ...(isNews ? [{ do: 'say', message: `rows cannot be understood: ${names}` } as const] : []),
      { do: 'report' },
    ];
  }

  #onUnanswered({ message, status }: Trouble, now: number): SessionEffect[] {
    const isRefused = status === 401;
    const isKnown = isRefused && this.#isShutOut;
    this.#lose({ mayBeGone: !isRefused });
    if (isRefused) this.#isShutOut = true;
    const complaint: SessionEffect[] = isKnown ? [] : [{ do: 'complain', message }];
    if (this.#phase.kind !== 'asking') return complaint;
    return [...(this.#goal.kind === 'level' ? this.#restAfter(now) : this.#restPolled()), ...complaint];
  }

  #afterAnswer(): SessionEffect[] {
    return this.#goal.kind === 'level' ? this.#finish() : this.#restPolled();
  }

  #restPolled(): SessionEffect[] {
    this.#phase = { kind: 'restingPolled' };
    return [{ do: 'rest', milliseconds: this.#options.pollEvery * 1000 }];
  }
}

const namesOf = (unreadable: readonly string[]): string => {
  const names = unreadable.slice(0, MAX_NAMES).map((name) => printable(name.slice(0, 255)));
  const others = unreadable.length - names.length;
  return [...names, ...(others > 0 ? [`${others} more`] : [])].join(', ');
};
