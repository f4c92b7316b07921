/** Connections to the page's port: those of tabs stay, those of strangers are few and short. */
import type { Socket } from 'node:net';

/** Over which no key of a tab has come: any user of this machine can open them. */
const MAX_STRANGERS = 64;
const MAX_STRANGER_MS = 10_000;
const MAX_KNOWN = 128;

export class Visitors {
  /** The oldest first. */
  readonly #strangers = new Map<Socket, NodeJS.Timeout>();
  readonly #known = new Set<Socket>();

  /** At most so many, and each for a while, also while it is answered. */
  receive(socket: Socket): void {
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size >= MAX_STRANGERS) oldest?.destroy();
    const timer = setTimeout(() => socket.destroy(), MAX_STRANGER_MS).unref();
    this.#strangers.set(socket, timer);
    socket.once('close', () => {
      this.#forget(socket);
      this.#known.delete(socket);
    });
  }

  /** A key has come over it. */
  know(socket: Socket): void {
    if (this.#known.has(socket)) return;
    this.#forget(socket);
    if (this.#known.size >= MAX_KNOWN) socket.destroy();
    else this.#known.add(socket);
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#strangers.get(socket));
    this.#strangers.delete(socket);
  }
}
