/** An older server, which has no live stream: it is asked for everything now and then. */
import { printable } from '../../domain/rejection.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { Turns } from '../../wireguard/device.ts';
import { type Api, CallRefused } from '../api/api.ts';
import { Poll } from '../api/poll.ts';
import type { PolledState } from '../api/polled-state.ts';
import type { Mirror } from '../memory/mirror.ts';
import type { DeviceKeeper } from '../tunnels/device-keeper.ts';
import type { End } from './end.ts';
import type { ServerLink } from './server-link.ts';
import type { Uptake } from './uptake.ts';

/** Unless told, in seconds: innernet's. */
const POLL_EVERY = 60;
/** With what a server refuses a stream that it does not know. */
const NO_SUCH_STREAM: readonly number[] = [400, 404, 405, 426];

/** Names that are told of; of more than these only how many there are. */
const MOST_NAMES = 5;

export type PolledParts = {
  api: Api;
  link: ServerLink;
  mirror: Mirror;
  uptake: Uptake;
  keeper: DeviceKeeper;
  turns: Turns;
  /** Seconds between two polls. */
  interval?: number | undefined;
  /** Tries to have a session with the server. */
  reach: () => Promise<void>;
  /** Whether what an older server says may be taken: it proves nothing. */
  hear: () => Promise<boolean>;
  /** Where this machine says that it may be reached; undefined where it is not to say so. */
  candidates: () => SocketAddress[] | undefined;
  isStopped: () => boolean;
  /** Waits, in milliseconds; ends early with the program. */
  rest: (milliseconds: number) => Promise<unknown>;
  say: (message: string) => void;
};

export class PolledServer {
  readonly #parts: PolledParts;
  readonly #poll: Poll;
  readonly #every: number;
  #toldUnreadable = '';

  constructor(parts: PolledParts) {
    this.#parts = parts;
    this.#poll = new Poll(parts.api);
    this.#every = parts.interval ?? POLL_EVERY;
  }

  /** Whether the stream was refused because the server is an older one; said once. */
  async isOlder(end: End | undefined): Promise<boolean> {
    const { link, mirror, isStopped, say } = this.#parts;
    if (isStopped() || end?.kind !== 'refused' || !NO_SUCH_STREAM.includes(end.status)) return false;
    if ((await this.#poll.hasStream()) !== false) return false;
    if (!(await this.#parts.turns.take(() => this.#parts.hear()))) return false;
    if (!link.polled) {
      say(
        `this server has no live stream: news come when it is asked, with "up --daemon" every ${this.#every} s`,
      );
      if (mirror.head && !mirror.isDoubted)
        say('it shows no history either, as it did before: what it says is checked by pins alone');
    }
    link.polled = true;
    return true;
  }

  /** Asks again and again, until the server has a live stream or the program stops. */
  async follow(): Promise<void> {
    const { link, isStopped, reach, rest, say } = this.#parts;
    for (;;) {
      await this.ask();
      await rest(this.#every * 1000);
      if (isStopped()) return;
      await reach();
      if (await this.#poll.hasStream()) break;
    }
    link.polled = false;
    link.disconnect({ mayBeGone: false });
    say('the server has a live stream now');
  }

  /** Takes what the server shows; whether it has answered. */
  async ask(): Promise<boolean> {
    const { link, uptake, turns, candidates } = this.#parts;
    try {
      const state = await this.#poll.state();
      await turns.take(() => this.#take(state));
      await this.#poll.report(candidates() ?? []);
      return true;
    } catch (error) {
      const isRefused = error instanceof CallRefused && error.status === 401;
      link.disconnect({ mayBeGone: !isRefused });
      if (!isRefused || !link.isShutOut) uptake.complain((error as Error).message);
      if (isRefused) link.shutOut();
      return false;
    }
  }

  async #take({ observations, unreadable, ...shown }: PolledState): Promise<void> {
    const { link, mirror, uptake, keeper, hear, isStopped, say } = this.#parts;
    if (isStopped() || !(await hear())) return;
    link.connect();
    link.hears();
    uptake.relieved();
    const verdict = mirror.judgeState(shown);
    await uptake.whole(verdict);
    await keeper.observe(observations);
    const names = namesOf(unreadable);
    if (names !== this.#toldUnreadable && names) say(`rows cannot be understood: ${names}`);
    this.#toldUnreadable = names;
  }
}

const namesOf = (unreadable: readonly string[]): string => {
  const names = unreadable.slice(0, MOST_NAMES).map((name) => printable(name.slice(0, 255)));
  const others = unreadable.length - names.length;
  return [...names, ...(others > 0 ? [`${others} more`] : [])].join(', ');
};
