/** The yardstick of the streams: a plain server and plain clients, in processes of their own as ours are. */
import { resolve } from 'node:path';
import { freePort } from './field.ts';
import { addressOf, type Layout } from './layout.ts';
import { Child } from './orders.ts';

export type BareUsage = { cpu: number; rss: number };

export class BareField {
  readonly #crowd: Child;
  readonly #layout: Layout;
  readonly #port: number;
  #server: Child;
  #clients = 0;
  #messages = 0;

  private constructor(parts: { layout: Layout; port: number; server: Child; crowd: Child }) {
    this.#layout = parts.layout;
    this.#port = parts.port;
    this.#server = parts.server;
    this.#crowd = parts.crowd;
  }

  static async create(layout: Layout): Promise<BareField> {
    const port = await freePort();
    const server = startServer();
    await server.ask('open', { port });
    const crowd = Child.start('bare crowd', resolve('bench/bare/stream-crowd.js'));
    return new BareField({ layout, port, server, crowd });
  }

  async connect(count: number): Promise<void> {
    const addresses = Array.from({ length: count }, (_, index) =>
      addressOf(this.#layout, this.#clients + index),
    );
    this.#clients += count;
    await this.#crowd.ask('connect', { at: this.#port, addresses, messages: this.#messages });
  }

  /** Sends so many bytes to all; when each had them, from the beginning on, in milliseconds. */
  async broadcast(bytes: number): Promise<number[]> {
    this.#messages += 1;
    const begin = await this.#server.ask<number>('broadcast', { text: 'x'.repeat(bytes) });
    const times = await this.#crowd.ask<number[]>('reach', { messages: this.#messages });
    return times.map((time) => time - begin);
  }

  /** Everybody fetches so many bytes over HTTP; when each had them, in milliseconds. */
  async fetch(bytes: number, atOnce: number, begin: number): Promise<number[]> {
    await this.#server.ask('serve', { bytes });
    const times = await this.#crowd.ask<number[]>('fetch', { atOnce });
    return times.map((time) => time - begin);
  }

  /** Has an answer of so many bytes for whoever asks over HTTP, at this port. */
  async serve(bytes: number): Promise<number> {
    await this.#server.ask('serve', { bytes });
    return this.#port;
  }

  usage(settled = false): Promise<BareUsage> {
    return this.#server.ask('usage', { settled });
  }

  kill(): Promise<void> {
    return this.#server.stop();
  }

  /** Starts the server again. */
  async start(): Promise<void> {
    this.#server = startServer();
    await this.#server.ask('open', { port: this.#port });
  }

  /** When each client was connected again after a moment, by `clock()`. */
  back(after: number): Promise<number[]> {
    return this.#crowd.ask('back', { after });
  }

  async close(): Promise<void> {
    await Promise.all([this.#server, this.#crowd].map((child) => child.stop()));
  }
}

const startServer = (): Child =>
  Child.start('bare server', resolve('bench/bare/stream-server.js'), ['--expose-gc']);
