/** Hears of what other machines append: by the database's bell, and once a second where that is lost. */

import type { Session } from './primary.ts';
import { CHANNEL } from './tables.ts';

const LOOK_EVERY_MS = 1_000;

type Parts = {
  connect: () => Promise<Session>;
  network: string;
  /** Brings the copy level. */
  level: () => Promise<void>;
};

export class Ear {
  readonly #parts: Parts;
  #listeners = 0;
  #timer: NodeJS.Timeout | undefined;
  #session: Session | undefined;
  #isConnecting = false;
  #isRung = false;
  #isBusy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Listens while anybody wants it; returns the function that ends it. */
  listen(): () => void {
    this.#listeners += 1;
    if (this.#listeners === 1) this.#start();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#listeners -= 1;
      if (this.#listeners === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#session?.close();
    this.#session = undefined;
  }

  #start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  #look(): void {
    if (!this.#session?.isOpen) void this.#connect();
    void this.#level();
  }

  async #connect(): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    try {
      const session = await this.#parts.connect();
      if (!this.#timer) return session.close();
      this.#session = session;
      session.onNotice((network) => {
        if (network === this.#parts.network) void this.#level();
      });
      await session.run(`LISTEN ${CHANNEL}`);
      void this.#level(); // what came before it listened
    } catch {
      // it is tried again in a second; what cannot be written is said where it is written
    } finally {
      this.#isConnecting = false;
    }
  }

  async #level(): Promise<void> {
    this.#isRung = true;
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#isRung && this.#timer) {
      this.#isRung = false;
      await this.#parts.level().catch(() => {});
    }
    this.#isBusy = false;
  }
}
