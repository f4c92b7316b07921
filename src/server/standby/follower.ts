/** One standby on its stream: what it was sent, and what it says is on its disk. */
import type { WebSocket } from 'ws';
import { LOG_CLOSE, type LogFrame } from '../../protocol/log-frames.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Waited } from './gate.ts';

/** More are sent once it has confirmed some. */
const MAX_UNCONFIRMED_FRAMES = 8;
/** Unanswered pings. */
const MAX_MISSED = 2;

export type LogSocket = Pick<
  WebSocket,
  'send' | 'close' | 'terminate' | 'ping' | 'on' | 'once' | 'readyState' | 'OPEN'
>;

export class Follower implements Waited {
  readonly peerId: PeerId;
  /** With another key it is another machine. */
  readonly key: PublicKey;
  readonly version: string | undefined;
  readonly since: number;
  position: Position;
  isLevel = false;
  /** The last position that was sent. */
  sent: Position;
  /** The log may have more than is being sent. */
  hasNews = false;
  isSending = false;
  /** Why it leaves. */
  trouble: string | undefined;
  readonly #socket: LogSocket;
  /** Where the frames end that it has not confirmed. */
  #unconfirmed: Position[] = [];
  #missed = 0;

  constructor(socket: LogSocket, about: Pick<Follower, 'peerId' | 'key' | 'version' | 'since' | 'position'>) {
    this.#socket = socket;
    this.peerId = about.peerId;
    this.key = about.key;
    this.version = about.version;
    this.since = about.since;
    this.position = about.position;
    this.sent = about.position;
    socket.on('pong', () => {
      this.#missed = 0;
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  get takesMore(): boolean {
    return this.isOpen && this.#unconfirmed.length < MAX_UNCONFIRMED_FRAMES;
  }

  send(frame: LogFrame): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(frame));
  }

  /** Notes that a frame with records ends there. */
  sentTo(position: Position): void {
    this.sent = position;
    this.#unconfirmed.push(position);
  }

  /** False: it was never sent that. */
  confirms(position: Position): boolean {
    if (position < this.position || position > this.sent) return false;
    this.#unconfirmed = this.#unconfirmed.filter((end) => end > position);
    return true;
  }

  end(code: keyof typeof LOG_CLOSE): void {
    this.#socket.close(LOG_CLOSE[code], code);
  }

  close(): void {
    this.#socket.close(1001);
  }

  /** One that answers no pings is gone. */
  beat(): void {
    if (this.#missed >= MAX_MISSED) {
      this.#socket.terminate();
      return;
    }
    this.#missed += 1;
    this.#socket.ping();
  }
}
