/** One client of the load tool: the real protocol over a real socket; it follows the chain and keeps no rows. */
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { WebSocket } from 'ws';
import { patienceAt, pauseBefore } from '../../src/caller/back-off.ts';
import { extend, type Head, judge } from '../../src/client/memory/chain.ts';
import { inTime } from '../../src/client/sync/stream.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import {
  type DigestPage,
  type Fetch,
  type OpeningFrame,
  type ServerFrame,
  type Snapshot,
  SUBPROTOCOL,
  type Welcome,
} from '../../src/protocol/frames.ts';
import { DIGESTS_PATH, SERVER_KEY_HEADER, SNAPSHOT_PATH, STREAM_PATH } from '../../src/protocol/http.ts';
import { hostOf, portOf, type SocketAddress } from '../../src/values/endpoint.ts';
import type { Hash } from '../../src/values/id.ts';
import type { Ip } from '../../src/values/ip.ts';
import type { PublicKey } from '../../src/values/key.ts';
import { clock } from '../clock.ts';
import { PROVES, Prover } from './prover.ts';
import type { Served } from './server.ts';

const inflate = promisify(gunzip);

/** What the client's program allows. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** How a delta begins. */
const DELTA = /^\{"kind":"delta","from":(\d+),"position":(\d+),"hash":"([0-9a-f]{64})"/;

/** What all clients of a process have been through. */
export type Tally = {
  frames: number;
  bytes: number;
  deltas: number;
  /** Deltas that changed nothing in sight. */
  bookmarks: number;
  welcomes: number;
  snapshots: number;
  snapshotBytes: number;
  lost: number;
  breaches: number;
};

export const noTally = (): Tally => ({
  frames: 0,
  bytes: 0,
  deltas: 0,
  bookmarks: 0,
  welcomes: 0,
  snapshots: 0,
  snapshotBytes: 0,
  lost: 0,
  breaches: 0,
});

/** What came in, and when: it is taken when there is time, so that its arrival is what is measured. */
export type Arrival = { client: Client; data: Buffer; at: number };

/** Files are few: so many transfers at a time. */
export class Transfers {
  readonly #waiting: (() => void)[] = [];
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#left === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#left -= 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#left += 1;
    }
  }
}

/** What a client has of its surroundings. */
export type Surroundings = {
  served: Served;
  tally: Tally;
  /** Bytes are taken in and counted, and hardly read: the chain is not followed link by link. */
  light: boolean;
  transfers: Transfers;
  arrive: (arrival: Arrival) => void;
};

/** Bytes of a frame's head (RFC 6455, 5.2), unmasked. */
const headBytes = (length: number): number => (length < 126 ? 2 : length < 65_536 ? 4 : 10);

export class Client {
  readonly address: Ip;
  readonly #around: Surroundings;
  readonly #prover: Prover | undefined;
  head: Head | undefined;
  /** When the frame arrived that brought it to its head. */
  levelAt = 0;
  #boot = '';
  #sequence = 0;
  #socket: WebSocket | undefined;
  /** What came while a snapshot is being fetched. */
  #waiting: Arrival[] | undefined;
  #greeted = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(address: Ip, around: Surroundings, head: Head | undefined) {
    this.address = address;
    this.#around = around;
    if (PROVES) this.#prover = new Prover(address, around.served.serverKey as PublicKey);
    this.head = head;
  }

  /** On the stream, greeted, and with a state. */
  get isLive(): boolean {
    return this.#greeted && this.head !== undefined;
  }

  connect(): void {
    const { endpoint, serverKey } = this.#around.served;
    const timeout = patienceAt(this.#attempts);
    const to = { host: hostOf(endpoint), port: portOf(endpoint), localAddress: this.address, timeout };
    const path = this.#path();
    const socket = new WebSocket(`ws://${endpoint}${path}`, SUBPROTOCOL, {
      headers: { [SERVER_KEY_HEADER]: serverKey, ...this.#prover?.header('stream', path) },
      handshakeTimeout: timeout,
      createConnection: () => inTime(connect(to), endpoint),
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#around.arrive({ client: this, data, at: clock() }));
    socket.on('error', () => {});
    socket.on('close', () => this.#onClose());
  }

  /** Stops reading, or goes on: what a machine that is too slow looks like from outside. */
  setReading(isReading: boolean): void {
    if (isReading) this.#socket?.resume();
    else this.#socket?.pause();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  /** Takes what came in; what comes while a snapshot is fetched waits for it, as it does at a real client. */
  async take(arrival: Arrival): Promise<void> {
    if (this.#around.light && this.#passesOver(arrival.data)) return;
    if (this.#waiting) {
      this.#waiting.push(arrival);
      return;
    }
    if (this.#around.light && this.#glances(arrival)) return;
    await this.#take(arrival);
  }

  async #take({ data, at }: Arrival): Promise<void> {
    this.#count(data);
    const frame = JSON.parse(data.toString()) as ServerFrame | OpeningFrame;
    switch (frame.kind) {
      case 'challenge':
        if (this.#prover) this.#send(this.#prover.answer(data));
        break;
      case 'proof':
        break;
      case 'welcome':
        this.#onWelcome(frame, at);
        break;
      case 'delta':
        this.#onDelta(frame, at);
        break;
      case 'fetch': {
        const arrivals: Arrival[] = [];
        this.#waiting = arrivals;
        await this.#around.transfers.run(() => this.#fetch(frame));
        this.#waiting = undefined;
        for (const waiting of arrivals) await this.take(waiting);
        break;
      }
      case 'endpoints':
        this.#sequence = frame.sequence;
        break;
      case 'revoked':
        this.#isClosed = true;
        break;
    }
  }

  #count({ length }: Buffer): void {
    const { tally } = this.#around;
    tally.frames += 1;
    tally.bytes += length + headBytes(length);
  }

  /** Observations make most of the bytes: their number is all that is read of them. */
  #passesOver(data: Buffer): boolean {
    const [, sequence] =
      /^\{"kind":"endpoints","boot":"[^"]*","sequence":(\d+)/.exec(data.toString('latin1', 0, 200)) ?? [];
    if (sequence === undefined) return false;
    this.#sequence = Number(sequence);
    this.#count(data);
    return true;
  }

  /** A bookmark after every 64 commits, checked digest by digest by ten thousand, is what the machine would be busy with. */
  #glances({ data, at }: Arrival): boolean {
    const [, from, position, hash] = DELTA.exec(data.toString('latin1', 0, 200)) ?? [];
    if (!this.head || hash === undefined) return false;
    this.#count(data);
    this.#around.tally.deltas += 1;
    if (Number(from) > this.head.position) this.#socket?.terminate();
    else if (Number(position) > this.head.position) {
      this.head = { ...this.head, position: Number(position), hash: hash as Hash };
      this.levelAt = at;
      this.#tell();
    }
    return true;
  }

  #path(): string {
    const query = new URLSearchParams();
    if (this.head) {
      query.set('position', String(this.head.position));
      query.set('hash', this.head.hash);
    }
    if (this.#boot) {
      query.set('boot', this.#boot);
      query.set('sequence', String(this.#sequence));
    }
    return query.size > 0 ? `${STREAM_PATH}?${query}` : STREAM_PATH; // `ws` sends no bare question mark
  }

  #onWelcome({ boot, position }: Welcome, at: number): void {
    if (boot !== this.#boot) this.#sequence = 0;
    this.#boot = boot;
    this.#greeted = true;
    this.#attempts = 0;
    this.#around.tally.welcomes += 1;
    if (this.head?.position === position) this.levelAt = at;
    const endpoints = [`198.51.100.1:${10_000 + (Number(this.address.split('.').pop()) || 0)}`];
    this.#send({ kind: 'candidates', endpoints });
    this.#tell();
  }

  #onDelta(delta: Extract<ServerFrame, { kind: 'delta' }>, at: number): void {
    const { tally } = this.#around;
    tally.deltas += 1;
    const rows = [delta.peers.changed, delta.peers.removed, delta.cidrs.changed, delta.cidrs.removed];
    if (rows.every(({ length }) => length === 0)) tally.bookmarks += 1;
    if (!this.head) return;
    const judgement = judge(this.head, delta, sha256);
    switch (judgement.kind) {
      case 'take':
        this.head = judgement.head;
        this.levelAt = at;
        this.#tell();
        break;
      case 'gap':
        this.#socket?.terminate();
        break;
      case 'breach':
        tally.breaches += 1;
        break;
      case 'known':
        break;
    }
  }

  /** Takes a snapshot in and makes nothing of it. */
  async snapshot(): Promise<void> {
    await this.#receive(SNAPSHOT_PATH);
  }

  async #fetch({ position: told, hash: toldHash }: Fetch): Promise<void> {
    const { served, tally, light } = this.#around;
    if (this.head && light) {
      await this.#receive(`${SNAPSHOT_PATH}?position=${this.head.position}&hash=${this.head.hash}`);
      this.head = { networkId: served.network, position: told, hash: toldHash };
      tally.snapshots += 1;
      this.levelAt = clock();
      return this.#tell();
    }
    let from = this.head;
    for (;;) {
      const query = from ? `?position=${from.position}&hash=${from.hash}` : '';
      const snapshot = await this.#get<Snapshot>(`${SNAPSHOT_PATH}${query}`);
      if (!snapshot) return this.#socket?.terminate();
      const { network: networkId, position, hash } = snapshot;
      if (from && snapshot.from > from.position) {
        const page = await this.#get<DigestPage>(`${DIGESTS_PATH}?position=${from.position}`);
        from = page ? extend(from, page.digests, sha256) : from;
        continue;
      }
      const judgement = from ? judge(from, snapshot, sha256) : undefined;
      if (judgement?.kind === 'breach') tally.breaches += 1;
      tally.snapshots += 1;
      this.head = { networkId, position, hash };
      this.levelAt = clock();
      return this.#tell();
    }
  }

  /** Asks and takes in whatever comes, with as little work as can be: what is measured is the server. */
  #receive(path: string): Promise<void> {
    const { served, tally } = this.#around;
    const endpoint = served.endpoint as SocketAddress;
    return new Promise((resolve) => {
      const { address: localAddress } = this;
      const socket = connect({ host: hostOf(endpoint), port: portOf(endpoint), localAddress });
      const head = [`GET ${path} HTTP/1.1`, `Host: ${endpoint}`, `${SERVER_KEY_HEADER}: ${served.serverKey}`];
      const proof = Object.entries(this.#prover?.header('call', path) ?? {}).map((field) => field.join(': '));
      socket.write([...head, ...proof, 'Connection: close', '', ''].join('\r\n'));
      socket.on('data', (chunk) => {
        tally.snapshotBytes += chunk.length;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
  }

  async #get<T>(path: string): Promise<T | undefined> {
    const { served, tally } = this.#around;
    const endpoint = served.endpoint as SocketAddress;
    const agent = new Agent({ keepAlive: false });
    return new Promise((resolve) => {
      const options = {
        host: hostOf(endpoint),
        port: portOf(endpoint),
        localAddress: this.address,
        agent,
        path,
        headers: {
          [SERVER_KEY_HEADER]: served.serverKey,
          host: endpoint,
          ...this.#prover?.header('call', path),
        },
      };
      get(options, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks);
        tally.snapshotBytes += body.length;
        const bytes = response.headers['content-encoding'] === 'gzip' ? await inflate(body) : body;
        resolve(response.statusCode === 200 ? (JSON.parse(bytes.toString()) as T) : undefined);
      }).on('error', () => resolve(undefined));
    });
  }

  #tell(): void {
    if (this.head) this.#send({ kind: 'applied', position: this.head.position, held: 0 });
  }

  #send(frame: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #onClose(): void {
    this.#waiting = undefined;
    if (this.#greeted) this.#around.tally.lost += 1;
    this.#greeted = false;
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.connect(), pauseBefore(this.#attempts++, Math.random()));
  }
}
