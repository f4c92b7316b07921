/** A standby follows the server's log: it connects again and again until it is stopped, or time heals nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { patienceAt, pauseBefore } from '../../caller/back-off.ts';
import type { Prover } from '../../caller/prover.ts';
import type { Passage, Way } from '../../caller/way.ts';
import { UnknownEventType } from '../../events/upcast.ts';
import { keptCommit, LOG_CLOSE, type LogFrame } from '../../protocol/log-frames.ts';
import type { ReplicaLog } from '../../store/replica-log.ts';
import { DamagedLog } from '../../store/verify.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { Hash } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Timestamp } from '../../values/time.ts';
import type { KeptObservations } from './kept-observations.ts';
import { type LogEnd, LogStream } from './log-stream.ts';
import type { StandbyFile } from './standby-file.ts';

export type FollowingOptions = {
  /** Its name on this machine. */
  network: string;
  log: Pick<ReplicaLog, 'head' | 'networkId' | 'take'>;
  server: { endpoint: SocketAddress; key: PublicKey };
  way: Way;
  prover: Prover;
  /** Of this program. */
  version: string;
  state: StandbyFile;
  observations: KeptObservations;
  /** What a person should know. */
  say: (message: string) => void;
  random?: () => number;
};

export class Following {
  readonly #options: FollowingOptions;
  #attempt = 0;
  #stream: LogStream | undefined;
  #isStopped = false;
  #stop = new AbortController();
  #networkId: Hash | undefined;

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.#networkId = options.log.networkId;
  }

  get isFollowing(): boolean {
    return this.#stream !== undefined && this.#attempt === 0;
  }

  /** Resolves once stopped. Throws `Failure` for an end that another try does not heal. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const end = await this.#once().catch((error: unknown) => this.#explain(error));
      if (this.#isStopped) return;
      const trouble = this.#judge(end);
      if (this.#options.state.now.trouble !== trouble) this.#options.say(`${trouble}; it is tried again`);
      this.#options.state.note({ trouble });
      this.#attempt += 1;
      const pause = pauseBefore(this.#attempt, (this.#options.random ?? Math.random)());
      await sleep(pause, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#stop.abort();
    this.#stream?.cut('stopped');
  }

  async #once(): Promise<LogEnd> {
    const { way, log, server, prover, version } = this.#options;
    const { connect }: Passage = await way.open();
    const { head } = log;
    const patience = patienceAt(this.#attempt);
    const stream = new LogStream(
      { server, connect, prover, head, version, patience },
      { frame: (frame) => this.#take(stream, frame) },
    );
    this.#stream = stream;
    try {
      return await stream.ended;
    } finally {
      this.#stream = undefined;
    }
  }

  #take(stream: LogStream, frame: LogFrame): void {
    const { log, state, observations, say, network } = this.#options;
    const heard = new Date().toISOString() as Timestamp;
    switch (frame.kind) {
      case 'greeting':
        if (this.#networkId !== undefined && this.#networkId !== frame.network) throw this.#otherNetwork();
        this.#networkId = frame.network;
        this.#attempt = 0;
        say(`follows ${network}: at position ${log.head.position} of ${frame.position}`);
        state.note({ heard, trouble: undefined });
        break;
      case 'records':
        this.#append(stream, frame);
        state.note({ heard, position: log.head.position });
        break;
      case 'observed':
        observations.take(frame.peers);
        state.note({ heard });
        break;
      default:
        frame satisfies never;
    }
  }

  #append(stream: LogStream, { commits }: Extract<LogFrame, { kind: 'records' }>): void {
    if (this.#networkId === undefined) throw new Error('the server sent records before its greeting');
    try {
      const { position } = this.#options.log.take(this.#networkId, commits.map(keptCommit));
      stream.send({ kind: 'reached', position });
    } catch (error) {
      if (error instanceof UnknownEventType) {
        const { position, type } = error;
        stream.send({ kind: 'update-me', position, type: type.slice(0, 64) });
      }
      throw error;
    }
  }

  /** A full disk and a tunnel that is down heal; a log that does not fit, and a program too old, do not. */
  #explain(error: unknown): LogEnd {
    if (error instanceof UnknownEventType)
      throw new Failure(`${error.message}: it is older than the server's`, {
        hint: 'bring innernet-server on this machine up to date, then start it again; standbys are upgraded first',
        cause: error,
      });
    if (error instanceof DamagedLog) throw this.#otherHistory(error.message, error);
    if (error instanceof Failure) return { kind: 'lost', why: error.message };
    throw error;
  }

  /** In words. Throws where trying again is of no use. */
  #judge(end: LogEnd): string {
    switch (end.kind) {
      case 'lost':
        return `the server cannot be followed: ${end.why}`;
      case 'refused':
        if (end.isProved && end.status === 401) throw this.#notNamed();
        return `who answers refuses with HTTP status ${end.status}`;
      case 'closed':
        if (end.code === LOG_CLOSE.notNamed) throw this.#notNamed();
        if (end.code === LOG_CLOSE.otherHistory)
          throw this.#otherHistory(`the server has another record at position ${this.#position}`);
        if (end.code === LOG_CLOSE.behind)
          throw this.#otherHistory(`the server's log ends before position ${this.#position}, which is here`);
        if (end.code === LOG_CLOSE.replaced)
          throw new Failure('another program follows the server with the key of this machine', {
            hint: 'stop one of the two: see whether a copy of this machine runs',
          });
        return `the server ended the stream with ${end.code}`;
    }
  }

  get #position(): number {
    return this.#options.log.head.position;
  }

  #notNamed(): Failure {
    const { network } = this.#options;
    return new Failure(`the server of ${network} does not take this machine for a standby`, {
      hint: `name it there: innernet-server name-standby ${network} PEER`,
    });
  }

  #otherNetwork(): Failure {
    return new Failure('the log on this machine is of another network than the server has', {
      hint: 'move the log away, with all that lies beside it, to follow this server from the beginning',
    });
  }

  #otherHistory(message: string, cause?: Error): Failure {
    return new Failure(message, {
      hint:
        'one of the two has records that the other never had: compare them with innernet-server verify; ' +
        'to follow this server from the beginning, move the log here away',
      cause,
    });
  }
}
