/** Tells peers that have shaken hands and opened no stream: the one that they hold may be of a machine that served before. */
import { isPlain, type Peer } from '../../domain/peer.ts';
import type { ServerMessage } from '../../protocol/talk-message.ts';
import type { PeerId } from '../../values/id.ts';
import type { TunnelDatagrams } from '../../wireguard/tunnel-datagrams.ts';

/** A datagram may be lost, most of all beside a handshake; milliseconds after it. */
const SAID_AT_MS = [0, 500, 2_000];

const NO_STREAM = JSON.stringify({ do: 'no-stream' } satisfies ServerMessage);

export type ReminderParts = {
  talk: Pick<TunnelDatagrams, 'look' | 'send' | 'close'>;
  peer: (id: PeerId) => Peer | undefined;
  hasStream: (id: PeerId) => boolean;
};

export class StreamReminder {
  readonly #parts: ReminderParts;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(parts: ReminderParts) {
    this.#parts = parts;
  }

  /** The peer has answered this server's first handshake. */
  met(id: PeerId): void {
    for (const wait of SAID_AT_MS) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#say(id);
      }, wait).unref();
      this.#timers.add(timer);
    }
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#parts.talk.close();
  }

  /** Phones have no streams. Without a socket the peer notices later, by itself. */
  #say(id: PeerId): void {
    const { talk, peer, hasStream } = this.#parts;
    const to = peer(id);
    if (!to || isPlain(to) || hasStream(id)) return;
    try {
      talk.look();
      talk.send(to.ip, NO_STREAM);
    } catch {}
  }
}
