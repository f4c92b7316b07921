/** The API's TCP connections by address: few for each, and ended when a right ends. */
import type { Socket } from 'node:net';
import { type EndedRight, endedRights } from '../device/ended-rights.ts';
import type { Step } from '../live/step.ts';

/** For each address, streams included. */
const MOST_SOCKETS = 4;

/** A peer that was told of its end has this long to hear it, in milliseconds. */
const LAST_WORDS = 50;
/** The answer to a redeem goes out over the old key; by now it is through or never will be. */
const LAST_ANSWER = 2_500;

const TOO_MANY =
  'HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n';

export class Connections {
  readonly #byAddress = new Map<string, Set<Socket>>();

  /** Counts a new connection until it closes; false: it was one too many and is being closed. */
  take(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    const sockets = this.#byAddress.get(address) ?? new Set();
    if (sockets.size >= MOST_SOCKETS) {
      socket.on('error', () => socket.destroy());
      socket.end(TOO_MANY, () => socket.destroy());
      return false;
    }
    this.#byAddress.set(address, sockets.add(socket));
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) this.#byAddress.delete(address);
    });
    return true;
  }

  /** Ends the connections of all whose right a commit ended. */
  follow({ changes }: Step): void {
    for (const right of endedRights(changes)) this.#end(right.peer.ip, graceOf(right));
  }

  /** Ends all. */
  close(): void {
    for (const sockets of this.#byAddress.values()) for (const socket of sockets) socket.destroy();
  }

  #end(address: string, grace: number): void {
    const sockets = [...(this.#byAddress.get(address) ?? [])];
    if (sockets.length === 0) return;
    const end = () => {
      for (const socket of sockets) socket.destroy();
    };
    if (grace === 0) end();
    else setTimeout(end, grace);
  }
}

/** An invitation that ended frees its address, perhaps in this very commit: nothing may linger. */
const graceOf = ({ peer, reason }: EndedRight): number => {
  if (peer.isRedeemed || reason === 'disabled') return LAST_WORDS;
  return reason === 'rekeyed' ? LAST_ANSWER : 0;
};
