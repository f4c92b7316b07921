/** The upgrade of the stream, on the raw HTTP server: a framework's request would be kept for every idle client. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { LARGEST_CLIENT_FRAME, STREAM_PATH, SUBPROTOCOL } from '../../protocol/frames.ts';
import { Hash, type PeerId, Position } from '../../values/id.ts';
import type { StreamQuery } from '../hub.ts';
import type { Streams } from './parts.ts';

const numeral = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);

/** A query is a claim about the client's own past: what makes no sense counts as not said. */
const Query = z.object({
  position: numeral.pipe(Position).optional().catch(undefined),
  hash: Hash.optional().catch(undefined),
  boot: z.string().max(64).optional().catch(undefined),
  sequence: numeral.pipe(z.number().int().nonnegative()).optional().catch(undefined),
  state: z.literal('none').optional().catch(undefined),
});

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
    const query: StreamQuery = Query.parse(Object.fromEntries(split(request.url).query));
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
