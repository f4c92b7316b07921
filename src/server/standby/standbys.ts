/** All that the server does for its standbys: it sends them the log, waits for them, and says how they stand. */
import { printable } from '../../domain/rejection.ts';
import type { StandbyReport } from '../../protocol/rows.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';
import { appendingBy, type ControlPlane, type WritableLog } from '../commands/control-plane.ts';
import type { Live } from '../live/live.ts';
import { Followers, type FollowersOptions } from './followers.ts';
import { Gate } from './gate.ts';
import { type Standing, StandingFile } from './standing-file.ts';

type Plane = Pick<ControlPlane, 'execute'>;

export type StandbysOptions = Omit<FollowersOptions, 'gate' | 'onNews' | 'onReached' | 'live'> & {
  live: FollowersOptions['live'] & Pick<Live, 'catchUp'>;
  file: string;
  /** What a person should know. */
  say: (message: string) => void;
};

export class Standbys {
  readonly gate: Gate;
  readonly #options: StandbysOptions;
  readonly #file: StandingFile;
  readonly #followers: Followers;
  /** Up to there this program has appended. */
  #own: Position = 0;
  /** As it was said last. */
  readonly #said = new Map<PeerId, string>();

  /** Make it before what shows commits to clients: the gate hears of a commit first. */
  constructor(options: StandbysOptions) {
    this.#options = options;
    this.gate = new Gate(options.live.head.position);
    this.#file = new StandingFile(options.file, () => this.#standing());
    this.#followers = new Followers({
      ...options,
      gate: this.gate,
      onNews: () => this.#file.note(),
      onReached: () => this.#noteReached(),
    });
    this.#followers.onTurn = () => this.#tell();
  }

  attach(...[socket, peer, query, opening]: Parameters<Followers['attach']>): void {
    this.#followers.attach(socket, peer, query, opening);
  }

  /** Standbys are named and none is level, since when, in milliseconds since 1970. */
  get aloneSince(): number | undefined {
    return this.#followers.aloneSince;
  }

  /** As admins and metrics are told. */
  report(): StandbyReport {
    const { aloneSince } = this;
    return {
      aloneSince: aloneSince === undefined ? null : (new Date(aloneSince).toISOString() as Timestamp),
      standbys: this.#followers.standing(),
    };
  }

  /** Resolves when all that the log has, by any program, is on each level standby's disk. */
  async level(): Promise<void> {
    if (!this.gate.isAnyLevel) return;
    await this.#options.live.catchUp();
    await this.gate.level();
  }

  /** Commands are acknowledged once their records are there. */
  holding(plane: Plane): Plane {
    return {
      execute: async (command, request) => {
        const outcome = await plane.execute(command, request);
        await this.level();
        return this.aloneSince === undefined ? outcome : { ...outcome, isAlone: true };
      },
    };
  }

  /** What this program appends goes to standbys at once. */
  telling(log: WritableLog): WritableLog {
    return appendingBy(log, async (expected, commits) => {
      const result = await log.append(expected, commits);
      if (result.kind !== 'committed') return result;
      this.#own = result.head.position;
      this.#followers.tell(result.commits);
      return result;
    });
  }

  close(): void {
    this.#followers.close();
    this.gate.close();
    this.#file.close();
  }

  /** A verb on this machine that has appended waits for the file; else it is no hurry. */
  #noteReached(): void {
    if (this.#options.live.head.position > this.#own) this.#file.note();
    else this.#file.noteSoon();
  }

  #standing(): Standing {
    const { safe, isAnyLevel } = this.gate;
    return { safe, isAnyLevel, ...this.report() };
  }

  /** Says what has changed for each standby. */
  #tell(): void {
    const { live, say } = this.#options;
    for (const { peerId, isConnected, isLevel, trouble } of this.report().standbys) {
      const words = isLevel
        ? 'is level: nothing is acknowledged before it is on its disk'
        : isConnected
          ? 'is behind: the server goes on without it until it is level again'
          : `has gone${trouble === undefined ? '' : `: ${trouble}; bring innernet-server there up to date`}`;
      if (this.#said.get(peerId) === words) continue;
      this.#said.set(peerId, words);
      say(`the standby ${printable(live.network.peer(peerId)?.name ?? String(peerId))} ${words}`);
    }
  }
}
