/** One client on the stream: its socket, position and queue limits. */
import type { WebSocket } from 'ws';
import type { Peer } from '../../domain/peer.ts';
import { type View, type ViewKey, viewKey, type Word } from '../../domain/views.ts';
import { CLOSE, type ServerFrame } from '../../protocol/frames.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';

/** Beyond this, only a slow reader's position is kept. */
const MAX_QUEUE_BYTES = 256 * 1024;
export const MAX_DRAIN_MS = 10_000;

export type StreamSocket = Pick<
  WebSocket,
  | 'send'
  | 'close'
  | 'terminate'
  | 'ping'
  | 'pause'
  | 'resume'
  | 'on'
  | 'once'
  | 'bufferedAmount'
  | 'readyState'
  | 'OPEN'
>;

/** Holds back what is not to be shown yet; keeps the order. */
export type Gate = { pass: (show: () => void) => void };

/** For servers without standbys. */
export const OPEN_GATE: Gate = { pass: (show) => show() };

export class Member {
  readonly socket: StreamSocket;
  readonly #gate: Gate;
  readonly peerId: PeerId;
  /** What it is shown depends on this. */
  sees: View;
  /** What its program knows, whatever the log says of the peer. */
  readonly word: Word;
  /** With another key the peer needs another stream. */
  readonly publicKey: PublicKey;
  readonly isProved: boolean;
  /** Knows the frames about relays. */
  readonly canRelay: boolean;
  /** Its machine itself, as it has proved, knows the frames by which it becomes a relay. */
  readonly canServe: boolean;
  /** Its machine itself, as it has proved, knows the frames about what it carries. */
  readonly canCarry: boolean;
  /** As told, by relay; undefined: not told yet. */
  relays: ReadonlyMap<PeerId, string> | undefined;
  position: Position;
  sequence: number;
  /** By the monotonic clock. */
  behindSince: number | undefined;
  /** As the client says. */
  applied: Position = 0;
  held = 0;
  missed = 0;
  beat = 0;
  /** In this second. */
  heard = 0;
  sent = 0;

  constructor(
    socket: StreamSocket,
    peer: Peer,
    { position, sequence }: { position: Position; sequence: number },
    about: Pick<Member, 'sees' | 'word' | 'isProved' | 'canRelay' | 'canServe' | 'canCarry'>,
    gate = OPEN_GATE,
  ) {
    this.#gate = gate;
    this.socket = socket;
    this.peerId = peer.id;
    this.sees = about.sees;
    this.word = about.word;
    this.publicKey = peer.publicKey;
    this.position = position;
    this.sequence = sequence;
    this.isProved = about.isProved;
    this.canRelay = about.canRelay;
    this.canServe = about.canServe;
    this.canCarry = about.canCarry;
  }

  get view(): ViewKey {
    return viewKey(this.sees);
  }

  get isBehind(): boolean {
    return this.behindSince !== undefined;
  }

  get isLevel(): boolean {
    return !this.isBehind && this.applied >= this.position;
  }

  get isDrained(): boolean {
    return this.socket.bufferedAmount === 0;
  }

  /** The same bytes go to many members. False: the queue is now too long. */
  write(bytes: Buffer): boolean {
    this.sent += 1;
    this.#gate.pass(() => this.socket.send(bytes, { binary: false }));
    return this.socket.bufferedAmount <= MAX_QUEUE_BYTES;
  }

  send(frame: ServerFrame): void {
    this.sent += 1;
    const text = JSON.stringify(frame);
    this.#gate.pass(() => this.socket.send(text));
  }

  /** At once: an ended right waits for no standby. */
  end(code: keyof typeof CLOSE, frame?: ServerFrame): void {
    if (frame) this.socket.send(JSON.stringify(frame));
    this.socket.close(CLOSE[code], code);
  }
}
