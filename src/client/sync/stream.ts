/** One connection to the server's live stream: frames in, frames out, and always an end. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { Opening } from '../../caller/opening.ts';
import type { Prover } from '../../caller/prover.ts';
import type { Connect } from '../../caller/way.ts';
import { type ClientFrame, HEARTBEAT_SECONDS, ServerFrame, SUBPROTOCOL } from '../../protocol/frames.ts';
import { SERVER_KEY_HEADER, STREAM_PATH } from '../../protocol/http.ts';
import type { Answer } from '../../protocol/proof.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import type { StreamQuery } from '../../protocol/stream-query.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import type { ServerClock } from '../tunnels/contacts.ts';
import { type End, type Loss, lossOf } from './end.ts';

export type StreamOptions = {
  /** The endpoint inside the tunnel, and the expected key. */
  server: { endpoint: SocketAddress; key: PublicKey };
  connect: Connect;
  query: StreamQuery;
  /** Absent: no proofs. */
  prover?: Prover | undefined;
  /** For an answer, in milliseconds. */
  patience: number;
};

export type StreamEvents = {
  /** Before the first frame. */
  opened?: (isProved: boolean) => void;
  /** Resolves when the frame is taken or never will be. */
  frame: (frame: ServerFrame) => Promise<void>;
  /** A frame of an unknown kind. */
  unknown: (kind: string) => void;
  /** A sign of life is overdue. */
  late: () => void;
  end: (end: End) => void;
};

const CONNECTED_WITHIN_MS = 5000;
const MAX_FRAME_BYTES = 1024 * 1024;
/** Beyond that the server waits. */
const MAX_QUEUE_CHARACTERS = 4 * MAX_FRAME_BYTES;
/** Longest interval that a server may set. */
const MAX_HEARTBEAT_SECONDS = 300;
/** From the connection on; generous for a very busy machine. */
const PROVED_WITHIN_MS = 10_000;
/** One missed ping plus grace. */
const LATE_AFTER_HEARTBEATS = 1.125;
/** Two missed pings plus grace. */
const DEAD_AFTER_HEARTBEATS = 2.25;
/** By then a connection request has been answered, or went elsewhere. */
const CONNECTING_MS = 500;
/** For the answer to a ping by who says that there is no stream; includes repeats of lost packets. */
const PROBED_WITHIN_MS = 4000;

const pathOf = (query: StreamQuery): string => {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) params.set(key, String(value));
  return params.size === 0 ? STREAM_PATH : `${STREAM_PATH}?${params}`;
};

export class Stream {
  readonly #socket: WebSocket;
  readonly #events: StreamEvents;
  readonly #start = performance.now();
  #connected = Infinity;
  #opened = 0;
  #end: End | undefined;
  /** How the connection broke, if the other end said nothing. */
  #break: Loss = 'broken';
  #opening: Opening | undefined;
  #proving: NodeJS.Timeout | undefined;
  #waiting = 0;
  #serverClock: ServerClock | undefined;
  #heartbeat = HEARTBEAT_SECONDS;
  #silence: NodeJS.Timeout | undefined;
  #lateness: NodeJS.Timeout | undefined;
  #probing: NodeJS.Timeout | undefined;
  #isLate = false;

  constructor({ server, connect, query, patience, prover }: StreamOptions, events: StreamEvents) {
    this.#events = events;
    const target = pathOf(query);
    const sent = prover?.prove({ purpose: 'stream', method: 'GET', target, body: NOTHING });
    if (prover && sent) this.#opening = new Opening(prover, sent);
    this.#socket = new WebSocket(`ws://${server.endpoint}${target}`, SUBPROTOCOL, {
      headers: { [SERVER_KEY_HEADER]: server.key, ...(sent ? { [PROOF_HEADER]: sent.header } : {}) },
      handshakeTimeout: patience,
      createConnection: () => this.#connecting(connect(server.endpoint, patience), server.endpoint),
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      skipUTF8Validation: false,
    });
    this.#socket
      .on('open', () => {
        this.#opened = performance.now();
        if (this.#opening) this.#proving = setTimeout(() => this.cut('unproved'), PROVED_WITHIN_MS);
        this.#heard();
      })
      .on('ping', () => this.#heard())
      .on('pong', () => this.#heard())
      .on('message', (data, isBinary) => this.#onMessage(isBinary ? '' : String(data)))
      .on('unexpected-response', (_, response) => {
        const { statusCode: status = 0, headers } = response;
        const isProved =
          prover !== undefined &&
          sent !== undefined &&
          prover.check(sent, refusalIn(status, headers)) !== undefined;
        this.#end ??= { kind: 'refused', status, isProved };
        this.#socket.terminate();
      })
      .on('error', (error) => {
        this.#end ??= { kind: 'lost', loss: lossOf(error) };
      })
      .on('close', (code) => this.#onClose(code));
  }

  /** In ms. Connecting takes one, plus a WireGuard handshake if any; opening takes two, plus busy time. */
  get roundTrip(): number {
    return Math.max(0, Math.min(this.#connected - this.#start, (this.#opened - this.#start) / 2));
  }

  /** Against the local monotonic clock, once told. */
  get serverClock(): ServerClock | undefined {
    return this.#serverClock;
  }

  send(frame: ClientFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  get isLate(): boolean {
    return this.#isLate;
  }

  ask(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  /** For the server that says that it knows no stream: one of a server before is refused by its kernel, or stays silent. */
  probe(): void {
    if (this.#connected === Infinity) {
      if (performance.now() - this.#start > CONNECTING_MS) this.cut('reset');
      return;
    }
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.ask();
    clearTimeout(this.#probing);
    this.#probing = setTimeout(() => this.cut('reset'), PROBED_WITHIN_MS);
  }

  /** Resolves when everything sent so far has arrived; never after the end. */
  level(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      this.#socket.once('pong', () => resolve());
      this.#socket.ping();
    });
  }

  /** Ends at once; `end` gets the first reason only. */
  cut(loss: Loss): void {
    this.#end ??= { kind: 'lost', loss };
    this.#socket.terminate();
  }

  #connecting(socket: Socket, where: string): Socket {
    // Of an open stream `ws` tells the end alone. It may have been said before: what arrived counts.
    socket.on('error', (error) => {
      this.#break = lossOf(error);
    });
    return inTime(socket, where).once('connect', () => {
      this.#connected = performance.now();
    });
  }

  #heard(): void {
    this.#isLate = false;
    this.#stopWaiting();
    const heartbeat = this.#heartbeat * 1000;
    this.#lateness = setTimeout(() => {
      this.#isLate = true;
      this.#events.late();
    }, heartbeat * LATE_AFTER_HEARTBEATS);
    this.#silence = setTimeout(() => this.cut('silent'), heartbeat * DEAD_AFTER_HEARTBEATS);
  }

  #stopWaiting(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#lateness);
    clearTimeout(this.#probing);
  }

  #onMessage(text: string): void {
    this.#heard();
    if (this.#end || (this.#opening && !this.#begin(this.#opening, text))) return;
    const frame = parseFrame(text);
    if (typeof frame === 'string') this.#events.unknown(frame);
    else if (!frame) this.cut('badFrame');
    else {
      if (frame.kind === 'welcome') {
        this.#heartbeat = Math.min(frame.heartbeat, MAX_HEARTBEAT_SECONDS);
        if (frame.now !== undefined) this.#hearClock(frame.now);
        this.#heard();
      }
      this.#queue(text.length, this.#events.frame(frame));
    }
  }

  /** Whether the frame belongs to the stream proper. */
  #begin(opening: Opening, text: string): boolean {
    const step = opening.take(text);
    switch (step.kind) {
      case 'more':
        return false;
      case 'wrong':
        this.cut('unproved');
        return false;
      case 'proved':
        this.#socket.send(step.answer);
        this.#begun(true);
        return false;
      case 'unproved':
        this.#begun(false);
        return true;
    }
  }

  #begun(isProved: boolean): void {
    clearTimeout(this.#proving);
    this.#opening = undefined;
    this.#events.opened?.(isProved);
  }

  /** `said` was read at some moment since the connection began. */
  #hearClock(said: number): void {
    const [least, most] = [said - performance.now(), said - this.#start];
    this.#serverClock = { least, offset: Math.min(most, least + this.roundTrip / 2), most };
  }

  /** Pauses reading while frames wait, to limit memory. */
  #queue(length: number, taken: Promise<void>): void {
    this.#waiting += length;
    if (this.#waiting > MAX_QUEUE_CHARACTERS) this.#socket.pause();
    void taken.finally(() => {
      this.#waiting -= length;
      if (this.#waiting <= MAX_QUEUE_CHARACTERS && this.#socket.isPaused) this.#socket.resume();
    });
  }

  #onClose(code: number): void {
    this.#stopWaiting();
    clearTimeout(this.#proving);
    this.#events.end(
      this.#end ?? (code === 1006 ? { kind: 'lost', loss: this.#break } : { kind: 'closed', code }),
    );
  }
}

/** Fails a TCP connection that is not accepted in time. */
export const inTime = (socket: Socket, where: string): Socket => {
  const patience = setTimeout(
    () => socket.destroy(new Error(`nothing answers at ${where}`)),
    CONNECTED_WITHIN_MS,
  );
  return socket.once('connect', () => clearTimeout(patience)).once('close', () => clearTimeout(patience));
};

const NOTHING = new Uint8Array();

/** The refused upgrade as proofs cover it: without a body. */
const refusalIn = (status: number, headers: IncomingHttpHeaders): Answer => {
  const header = headers[PROOF_HEADER];
  const encoding = headers['content-encoding'] ?? '';
  return { status, header: typeof header === 'string' ? header : undefined, encoding, body: NOTHING };
};

const KINDS: readonly string[] = ServerFrame.options.map((option) => option.shape.kind.value);

/** The frame, its kind if unknown, else undefined. */
const parseFrame = (text: string): ServerFrame | string | undefined => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { success, data } = ServerFrame.safeParse(json);
  if (success) return data;
  const kind = (json as { kind?: unknown } | null)?.kind;
  return typeof kind === 'string' && !KINDS.includes(kind) ? kind.slice(0, 64) : undefined;
};
