/** The upgrade of the stream, on the raw HTTP server: a framework's request would be kept for every idle client. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { LARGEST_CLIENT_FRAME, STREAM_PATH, SUBPROTOCOL } from '../../protocol/frames.ts';
import type { PeerId } from '../../values/id.ts';
import { streamQuery } from '../stream-query.ts';
import type { Streams } from './parts.ts';

const split = (url = ''): { path: string; query: URLSearchParams } => {
  const [path = '', query = ''] = url.split('?', 2);
  return { path, query: new URLSearchParams(query) };
};

export class StreamUpgrade {
  readonly #streams: Streams;
  readonly #wss = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LARGEST_CLIENT_FRAME,
    handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** The status with which an admitted peer's upgrade is refused, or undefined where it is done. */
  refusal(request: IncomingMessage): number | undefined {
    if (split(request.url).path !== STREAM_PATH) return 404;
    const asked = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    return asked?.includes(SUBPROTOCOL) ? undefined : 400;
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer, id: PeerId): void {
    const query = streamQuery(split(request.url).query);
    this.#wss.handleUpgrade(request, socket, head, (websocket) => this.#streams.attach(websocket, id, query));
  }
}

/** A refusal written by hand: there is no response object in an upgrade. */
export const refuseUpgrade = (socket: Duplex, status: number, reason: string): void => {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    socket.destroy(),
  );
};
