/** One client on the stream: its socket, how far it has been told, and how much may wait in its queue. */
import type { WebSocket } from 'ws';
import type { Peer } from '../../domain/peer.ts';
import { CLOSE, type ServerFrame } from '../../protocol/frames.ts';
import type { CidrId, PeerId, Position } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';

/** For a slow reader; beyond that only its position is kept. */
const MAX_QUEUE_BYTES = 256 * 1024;
/** A reader that has not emptied its queue by then is cut off. */
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

export class Member {
  readonly socket: StreamSocket;
  readonly peerId: PeerId;
  readonly cidrId: CidrId;
  /** The right to the stream is the peer's with this key: another key is another right. */
  readonly publicKey: PublicKey;
  /** Whether the client has shown that it has this key. */
  readonly isProved: boolean;
  /** Up to where frames have been queued. */
  position: Position;
  /** Up to which number observations have been queued. */
  sequence: number;
  /** Since when its queue is too long, in milliseconds of the monotonic clock. */
  behindSince: number | undefined;
  /** What the client says that its WireGuard stands at. */
  applied: Position = 0;
  held = 0;
  /** Pings that it has not answered, and the second in which it gets them. */
  missed = 0;
  beat = 0;
  /** Frames of this second. */
  heard = 0;
  /** Frames that it was sent so far. */
  sent = 0;

  constructor(
    socket: StreamSocket,
    peer: Peer,
    { position, sequence }: { position: Position; sequence: number },
    isProved: boolean,
  ) {
    this.socket = socket;
    this.peerId = peer.id;
    this.cidrId = peer.cidrId;
    this.publicKey = peer.publicKey;
    this.position = position;
    this.sequence = sequence;
    this.isProved = isProved;
  }

  /** Too slow to be told more for now. */
  get isBehind(): boolean {
    return this.behindSince !== undefined;
  }

  /** Whether its WireGuard has all that its stream had to tell. */
  get isLevel(): boolean {
    return !this.isBehind && this.applied >= this.position;
  }

  get isDrained(): boolean {
    return this.socket.bufferedAmount === 0;
  }

  /** Queues a frame that is serialised already: the same bytes go to many. False: the queue is too long now. */
  write(bytes: Buffer): boolean {
    this.sent += 1;
    this.socket.send(bytes, { binary: false });
    return this.socket.bufferedAmount <= MAX_QUEUE_BYTES;
  }

  send(frame: ServerFrame): void {
    this.sent += 1;
    this.socket.send(JSON.stringify(frame));
  }

  /** Says why, then closes. */
  end(code: keyof typeof CLOSE, frame?: ServerFrame): void {
    if (frame) this.send(frame);
    this.socket.close(CLOSE[code], code);
  }
}
