/** The network as its followers see it, commit by commit. */
import { advanceWithChanges, classDeltas, movesOf } from '../../domain/changes.ts';
import type { Network } from '../../domain/network.ts';
import { rightsAfter } from '../../domain/rights.ts';
import type { RecordedCommit } from '../../store/commit.ts';
import { onGrowth, replay } from '../../store/follow.ts';
import type { EventLog, Head } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../../values/id.ts';
import { loadStored, storeState } from './load-network.ts';
import { LoggedNetwork } from './logged-network.ts';
import type { Step } from './step.ts';
import { WINDOW_RECORDS, Window } from './window.ts';

type Waiter = { position: Position; resolve: () => void; reject: (error: unknown) => void };

export class Live {
  readonly network: Network;
  readonly networkId: Hash;
  readonly window: Window;
  readonly #log: EventLog;
  readonly #logged: LoggedNetwork;
  readonly #listeners = new Set<(step: Step) => void>();
  readonly #stop = new AbortController();
  #head: Head;
  #waiters: Waiter[] = [];
  #ended: unknown;

  private constructor(log: EventLog, network: Network, networkId: Hash, window: Window, head: Head) {
    this.#log = log;
    this.#logged = new LoggedNetwork(log, network, (_, commit) => this.#take(commit));
    this.network = network;
    this.networkId = networkId;
    this.window = window;
    this.#head = head;
  }

  /**
   * Replays the window through the code that serves it, so that a restart costs no client a snapshot. Throws
   * `Failure` for an empty log, `UnknownEventType`.
   */
  static async load(log: EventLog): Promise<Live> {
    const { position } = await log.head();
    const networkId = await log.networkId();
    if (!networkId) throw new Failure(`${log.name} holds no network yet`, { hint: 'innernet-server new' });
    const network = await networkBefore(log, Math.max(0, position - WINDOW_RECORDS));
    const [last] = await log.read(network.position - 1, network.position === 0 ? 0 : 1);
    const head = { position: network.position, hash: last?.hash ?? NO_HASH };
    const live = new Live(log, network, networkId, new Window(head.position, head.hash), head);
    await live.catchUp();
    return live;
  }

  get head(): Head {
    return this.#head;
  }

  /** Rejects on failure. */
  async run(): Promise<void> {
    await onGrowth(this.#log, () => this.catchUp(), this.#stop.signal).catch((error) => this.#end(error));
    if (this.#ended !== undefined) throw this.#ended;
  }

  catchUp(): Promise<void> {
    return this.#logged.catchUp();
  }

  /** What a listener throws ends `run`, not the command. */
  take(commit: RecordedCommit): void {
    try {
      this.#logged.take(commit);
    } catch (error) {
      this.#end(error);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  #end(error: unknown): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    this.#stop.abort();
  }

  /** Calls back in subscription order; returns the unsubscribe function. */
  subscribe(listener: (step: Step) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the followers have reached a position. */
  reached(position: Position): Promise<void> {
    if (this.#head.position >= position) return Promise.resolve();
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiters.push({ position, resolve, reject }));
  }

  #take(commit: RecordedCommit): void {
    const changes = advanceWithChanges(this.network, commit.events, commit.to);
    const deltas = classDeltas(this.network, changes);
    const moves = movesOf(this.network, changes);
    const rights = rightsAfter(this.network, commit.events, changes);
    const step = { commit, changes, deltas, moves, rights };
    this.#head = { position: commit.to, hash: commit.records.at(-1)?.hash ?? this.#head.hash };
    this.window.add(step);
    const troubles = [...this.#listeners].flatMap((listener) => troubleOf(() => listener(step)));
    this.#release();
    if (troubles.length > 0) throw troubles[0];
  }

  #release(): void {
    const { position } = this.#head;
    const ready = this.#waiters.filter((waiter) => waiter.position <= position);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.position > position);
    for (const { resolve } of ready) resolve();
  }
}

/** A listener's bug ends the server only after all others, the device included, got the commit. */
const troubleOf = (call: () => void): unknown[] => {
  try {
    call();
    return [];
  } catch (error) {
    return [error];
  }
};

/** A long replay is stored for the next time. */
const networkBefore = async (log: EventLog, position: Position): Promise<Network> => {
  const network = await loadStored(log, position);
  const stored = network.position;
  await replay(log, stored, ({ events, to }) => network.advance(events, to), position);
  if (network.position - stored >= WINDOW_RECORDS) await storeState(log, network);
  return network;
};
