/**
 * A proxy on real sockets before the server's API that does to what the server says whatever a seed wants: it reads the
 * WebSocket frames and loses, doubles, delays, turns round and cuts them, and cuts answers over HTTP, at any byte.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Endpoint, SocketAddress } from '../../src/values/endpoint.ts';
import { hostOf, portOf } from '../../src/values/endpoint.ts';
import type { Ip } from '../../src/values/ip.ts';

export type Fate = 'passed' | 'lost' | 'doubled' | 'delayed' | 'turned round' | 'cut' | 'told again';

/** Of a hundred frames. */
const SHARES: readonly [Fate, number][] = [
  ['lost', 6],
  ['doubled', 6],
  ['delayed', 8],
  ['turned round', 6],
  ['cut', 6],
  ['told again', 4],
];
/** Of a hundred answers over HTTP, so many are cut off within so many bytes. */
const ANSWERS_CUT = 15;
const CUT_WITHIN = 3_000;
/** A frame waits this long at most for others to overtake it, and a delayed one for as long, in milliseconds. */
const MAX_WAIT = 12;
/** Frames of the past that may be told again. */
const MAX_KEPT = 50;

const TEXT = 1;

export type LineOptions = {
  server: Endpoint;
  /** The address that the server takes its client by. */
  from: Ip;
  dice: () => number;
  count: (what: string) => void;
};

export class BadLine {
  readonly #options: LineOptions;
  readonly #listening: Server;
  readonly #pairs = new Set<Pair>();
  readonly #past: Buffer[] = [];
  /** Whether it passes everything on as it is. */
  isHonest = false;

  private constructor(options: LineOptions) {
    this.#options = options;
    this.#listening = createServer((client) => this.#onClient(client));
  }

  static async start(options: LineOptions): Promise<BadLine> {
    const line = new BadLine(options);
    await new Promise<void>((resolve) => line.#listening.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get endpoint(): SocketAddress {
    const address = this.#listening.address();
    if (typeof address !== 'object' || !address) throw new Error('it does not listen');
    return `127.0.0.1:${address.port}` as SocketAddress;
  }

  close(): void {
    this.#listening.close();
    for (const pair of this.#pairs) pair.cut();
  }

  /** What happens to the next frame. */
  fate(text: string): Fate {
    if (this.isHonest || text.startsWith('{"kind":"welcome"')) return this.#mayCut();
    let left = this.#options.dice() * 100;
    for (const [fate, share] of SHARES) {
      left -= share;
      if (left < 0) return fate;
    }
    return 'passed';
  }

  /** A frame that was said some time ago, on this connection or another. */
  fromThePast(): Buffer | undefined {
    return this.#past[Math.floor(this.#options.dice() * this.#past.length)];
  }

  remember(frame: Buffer): void {
    this.#past.push(frame);
    if (this.#past.length > MAX_KEPT) this.#past.shift();
  }

  /** No server greets twice, nor late: a greeting can only be cut. */
  #mayCut(): Fate {
    return !this.isHonest && this.#options.dice() * 100 < 5 ? 'cut' : 'passed';
  }

  #onClient(client: Socket): void {
    const { server, from } = this.#options;
    const upstream = connect({ host: hostOf(server), port: portOf(server), localAddress: from });
    const pair = new Pair(this, { ...this.#options, own: this.endpoint }, client, upstream);
    this.#pairs.add(pair);
    client.on('close', () => this.#pairs.delete(pair));
  }
}

/** One connection of a client, and ours to the server for it. */
class Pair {
  readonly #line: BadLine;
  readonly #options: LineOptions & { own: SocketAddress };
  readonly #client: Socket;
  readonly #upstream: Socket;
  #isStream = false;
  #headIsRead = false;
  #waiting = Buffer.alloc(0);
  /** Bytes of HTTP that still come through. */
  #left: number;
  /** What goes to the client goes in this order. */
  #order: Promise<unknown> = Promise.resolve();
  /** The frame that others are to overtake, and how many. */
  #overtaken: { frame: Buffer; by: number } | undefined;
  #isCut = false;

  constructor(
    line: BadLine,
    options: LineOptions & { own: SocketAddress },
    client: Socket,
    upstream: Socket,
  ) {
    this.#line = line;
    this.#options = options;
    this.#client = client;
    this.#upstream = upstream;
    const { dice } = options;
    const isUnlucky = !line.isHonest && dice() * 100 < ANSWERS_CUT;
    this.#left = isUnlucky ? Math.floor(dice() * CUT_WITHIN) : Number.POSITIVE_INFINITY;
    client.setNoDelay(true);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (bytes) => upstream.write(this.#isStream ? bytes : this.#readdressed(bytes)));
    client.on('close', () => upstream.destroy());
    upstream.on('data', (bytes) => this.#onBytes(bytes));
    upstream.on('close', () => this.#in(async () => void client.end()));
  }

  cut(): void {
    this.#isCut = true;
    this.#client.destroy();
    this.#upstream.destroy();
  }

  /** The server answers only to its own name. */
  #readdressed(bytes: Buffer): Buffer {
    const { own, server } = this.#options;
    return Buffer.from(bytes.toString('latin1').replaceAll(own, server), 'latin1');
  }

  #in(act: () => Promise<void>): void {
    this.#order = this.#order.then(async () => {
      if (!this.#isCut) await act();
    });
  }

  #onBytes(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (!this.#headIsRead) {
      const end = this.#waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#headIsRead = true;
      this.#isStream = this.#waiting.toString('latin1', 0, 13).startsWith('HTTP/1.1 101 ');
      if (this.#isStream) this.#pass(this.#taken(end + 4));
    }
    if (!this.#isStream) this.#passAnswer(this.#taken(this.#waiting.length));
    for (let length = frameLength(this.#waiting); length !== undefined; length = frameLength(this.#waiting))
      this.#onFrame(this.#taken(length));
  }

  #taken(length: number): Buffer {
    const taken = this.#waiting.subarray(0, length);
    this.#waiting = this.#waiting.subarray(length);
    return taken;
  }

  #pass(bytes: Buffer): void {
    this.#in(async () => void this.#client.write(bytes));
  }

  #passAnswer(bytes: Buffer): void {
    const allowed = bytes.subarray(0, this.#left);
    this.#left -= bytes.length;
    this.#pass(allowed);
    if (this.#left < 0) this.#cutAfter('answers cut');
  }

  /** What was written by now goes out before the end comes. */
  #cutAfter(what: string): void {
    this.#options.count(what);
    this.#in(async () => {
      await new Promise<void>((resolve) => this.#client.end(() => resolve()));
      this.cut();
    });
  }

  #onFrame(frame: Buffer): void {
    if (((frame[0] ?? 0) & 0x0f) === TEXT) this.#onText(frame);
    else this.#pass(frame);
  }

  #onText(frame: Buffer): void {
    const { dice, count } = this.#options;
    const text = payloadOf(frame);
    const fate = this.#line.fate(text);
    count(fate);
    if (!isOrder(text)) this.#line.remember(frame);
    switch (fate) {
      case 'passed':
        this.#pass(frame);
        break;
      case 'lost':
        break;
      case 'doubled':
        this.#pass(Buffer.concat([frame, frame]));
        break;
      case 'delayed':
        this.#in(() => pause(dice() * MAX_WAIT));
        this.#pass(frame);
        break;
      case 'turned round':
        this.#letOvertake(frame);
        return;
      case 'cut':
        this.#pass(frame.subarray(0, Math.floor(dice() * frame.length)));
        this.#cutAfter('connections');
        break;
      case 'told again':
        this.#pass(this.#line.fromThePast() ?? frame);
        this.#pass(frame);
        break;
    }
    if (this.#overtaken && --this.#overtaken.by <= 0) this.#release();
  }

  /** The next one to three go first; where none come, it goes after a while. */
  #letOvertake(frame: Buffer): void {
    this.#release();
    const overtaken = { frame, by: 1 + Math.floor(this.#options.dice() * 3) };
    this.#overtaken = overtaken;
    setTimeout(() => {
      if (this.#overtaken === overtaken) this.#release();
    }, MAX_WAIT);
  }

  #release(): void {
    if (this.#overtaken) this.#pass(this.#overtaken.frame);
    this.#overtaken = undefined;
  }
}

/** What is said to one connection alone: a greeting, and the order to take a snapshot. */
const isOrder = (text: string): boolean => /^\{"kind":"(welcome|fetch)"/.test(text);

/** Bytes of the payload of the first frame, and of its head (RFC 6455, 5.2; servers do not mask). */
const sizes = (bytes: Buffer): { head: number; payload: number } | undefined => {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  if (short < 126) return { head: 2, payload: short };
  if (short === 126) return bytes.length < 4 ? undefined : { head: 4, payload: bytes.readUInt16BE(2) };
  return bytes.length < 10 ? undefined : { head: 10, payload: Number(bytes.readBigUInt64BE(2)) };
};

const frameLength = (bytes: Buffer): number | undefined => {
  const size = sizes(bytes);
  if (!size || bytes.length < size.head + size.payload) return undefined;
  return size.head + size.payload;
};

const payloadOf = (frame: Buffer): string => frame.toString('utf8', sizes(frame)?.head);
