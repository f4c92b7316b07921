/** Notices that a log has grown, in this thread or another process. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { witnessFile } from './witness.ts';

/** After a write to the WAL: its commit becomes visible only after an fsync. */
const LOOK_AGAIN_AFTER_MS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** The second where a watch is impossible. */
const POLL_EVERY_MS = 1_000;
const UNWATCHED_POLL_EVERY_MS = 50;

export class Wake {
  readonly #file: string;
  readonly #dataVersion: () => number;
  readonly #listeners = new Set<() => void>();
  #seen: number;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #called = false;

  /** `dataVersion` must change when another connection has committed. */
  constructor(file: string, dataVersion: () => number) {
    this.#file = file;
    this.#dataVersion = dataVersion;
    this.#seen = dataVersion();
  }

  /** The watch lasts, and keeps the program alive, while there is a listener. */
  subscribe(listener: () => void): () => void {
    const own = () => listener();
    if (this.#listeners.size === 0) this.#start();
    this.#listeners.add(own);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** Calls the listeners soon, once for several calls. */
  call(): void {
    if (this.#called) return;
    this.#called = true;
    setImmediate(() => {
      this.#called = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  close(): void {
    this.#listeners.clear();
    this.#stop();
  }

  #start(): void {
    const names = [this.#file, `${this.#file}-wal`, witnessFile(this.#file)].map((path) => basename(path));
    const startPolling = (every: number) => {
      clearInterval(this.#poll);
      this.#poll = setInterval(() => this.#look(), every);
    };
    startPolling(POLL_EVERY_MS);
    try {
      this.#watcher = watch(dirname(this.#file), (_, name) => {
        if (name === null || names.includes(name)) this.#lookUntilSeen();
      });
      this.#watcher.on('error', () => startPolling(UNWATCHED_POLL_EVERY_MS));
    } catch {
      startPolling(UNWATCHED_POLL_EVERY_MS); // no inotify watch left
    }
  }

  #stop(): void {
    this.#watcher?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#again);
  }

  #lookUntilSeen(times = LOOK_AGAIN_AFTER_MS): void {
    clearTimeout(this.#again);
    const [delay, ...later] = times;
    if (this.#look() || delay === undefined) return;
    this.#again = setTimeout(() => this.#lookUntilSeen(later), delay);
  }

  #look(): boolean {
    const version = this.#dataVersion();
    if (version === this.#seen) return false;
    this.#seen = version;
    this.call();
    return true;
  }
}
