/** One connection of a standby to the server's log: frames in, positions out, and always an end. */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { Opening } from '../../caller/opening.ts';
import type { Prover } from '../../caller/prover.ts';
import { type Connect, hasNoWay } from '../../caller/way.ts';
import { SERVER_KEY_HEADER } from '../../protocol/http.ts';
import {
  LOG_HEARTBEAT_SECONDS,
  LOG_PATH,
  LOG_SUBPROTOCOL,
  LogFrame,
  MAX_LOG_FRAME_BYTES,
  type StandbyFrame,
} from '../../protocol/log-frames.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import type { Head } from '../../store/log.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';

/** Two missed pings plus grace. */
const DEAD_AFTER_MS = 2.25 * LOG_HEARTBEAT_SECONDS * 1_000;
const CONNECTED_WITHIN_MS = 5_000;
/** From the connection on; generous for a very busy machine. */
const PROVED_WITHIN_MS = 10_000;

export type LogEnd =
  /** The server refused with an HTTP status; whether it was the server, its proof tells. */
  | { kind: 'refused'; status: number; isProved: boolean }
  /** By the server, see `LOG_CLOSE`. */
  | { kind: 'closed'; code: number }
  | { kind: 'lost'; why: string };

export type LogStreamOptions = {
  /** The endpoint inside the tunnel, and the expected key. */
  server: { endpoint: SocketAddress; key: PublicKey };
  connect: Connect;
  prover: Prover;
  head: Head;
  /** Of this program. */
  version: string;
  /** For an answer, in milliseconds. */
  patience: number;
};

export type LogStreamEvents = {
  /** What it throws ends the stream, and is thrown by `ended`. */
  frame: (frame: LogFrame) => void;
};

const NOTHING = new Uint8Array();

export class LogStream {
  /** Resolves when the connection has ended. Rejects with what `frame` threw. */
  readonly ended: Promise<LogEnd>;
  readonly #socket: WebSocket;
  readonly #events: LogStreamEvents;
  #opening: Opening | undefined;
  #end: LogEnd | undefined;
  #trouble: { error: unknown } | undefined;
  #silence: NodeJS.Timeout | undefined;

  constructor(
    { server, connect, prover, head, version, patience }: LogStreamOptions,
    events: LogStreamEvents,
  ) {
    this.#events = events;
    const query = new URLSearchParams({ position: String(head.position), hash: head.hash, version });
    const target = `${LOG_PATH}?${query}`;
    const sent = prover.prove({ purpose: 'stream', method: 'GET', target, body: NOTHING });
    this.#opening = new Opening(prover, sent);
    this.#socket = new WebSocket(`ws://${server.endpoint}${target}`, LOG_SUBPROTOCOL, {
      headers: { [SERVER_KEY_HEADER]: server.key, [PROOF_HEADER]: sent.header },
      handshakeTimeout: patience,
      createConnection: () => inTime(connect(server.endpoint, patience)),
      maxPayload: MAX_LOG_FRAME_BYTES,
      perMessageDeflate: false,
    });
    this.ended = new Promise((resolve, reject) => {
      this.#socket.once('close', (code) => {
        clearTimeout(this.#silence);
        if (this.#trouble) reject(this.#trouble.error);
        else resolve(this.#end ?? (code === 1006 ? lost('the connection broke') : { kind: 'closed', code }));
      });
    });
    this.#socket
      .on('open', () => this.#wait(PROVED_WITHIN_MS, 'the server has not proved itself'))
      .on('ping', () => this.#heard())
      .on('message', (data, isBinary) => this.#hear(isBinary ? '' : String(data)))
      .on('unexpected-response', (_, { statusCode: status = 0, headers }) => {
        const header = headers[PROOF_HEADER];
        const answer = { status, header: typeof header === 'string' ? header : undefined, encoding: '' };
        const isProved = prover.check(sent, { ...answer, body: NOTHING }) !== undefined;
        this.#end ??= { kind: 'refused', status, isProved };
        this.#socket.terminate();
      })
      .on('error', (error) => {
        this.#end ??= lost(hasNoWay(error) ? `${error.message}: the tunnel is down` : error.message);
      });
  }

  send(frame: StandbyFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  cut(why: string): void {
    this.#end ??= lost(why);
    this.#socket.terminate();
  }

  /** After all that was sent. */
  close(): void {
    this.#socket.close();
  }

  #heard(): void {
    if (!this.#opening) this.#wait(DEAD_AFTER_MS, 'the server is silent');
  }

  #wait(milliseconds: number, why: string): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.cut(why), milliseconds);
  }

  #hear(text: string): void {
    if (this.#end || this.#trouble) return;
    if (this.#opening) {
      this.#open(this.#opening, text);
      return;
    }
    this.#heard();
    const frame = parsed(text);
    if (frame === 'unknown') return;
    if (!frame) {
      this.cut('the server sent what cannot be understood');
      return;
    }
    try {
      this.#events.frame(frame);
    } catch (error) {
      this.#trouble = { error };
      this.close();
    }
  }

  /** A standby follows nobody who has not proved to be the server. */
  #open(opening: Opening, text: string): void {
    const step = opening.take(text);
    if (step.kind === 'more') return;
    if (step.kind !== 'proved') {
      this.cut('who answers does not prove to be the server');
      return;
    }
    this.#opening = undefined;
    this.#socket.send(step.answer);
    this.#heard();
  }
}

const lost = (why: string): LogEnd => ({ kind: 'lost', why });

/** Fails a TCP connection that is not accepted in time. */
const inTime = (socket: Socket): Socket => {
  const patience = setTimeout(() => socket.destroy(new Error('nothing answers')), CONNECTED_WITHIN_MS);
  return socket.once('connect', () => clearTimeout(patience)).once('close', () => clearTimeout(patience));
};

const KINDS: readonly string[] = LogFrame.options.map((option) => option.shape.kind.value);

/** A newer server may send kinds that are not known here. */
const parsed = (text: string): LogFrame | 'unknown' | undefined => {
  try {
    const json: unknown = JSON.parse(text);
    const { success, data } = LogFrame.safeParse(json);
    if (success) return data;
    const kind = (json as { kind?: unknown } | null)?.kind;
    return typeof kind === 'string' && !KINDS.includes(kind) ? 'unknown' : undefined;
  } catch {
    return undefined;
  }
};
