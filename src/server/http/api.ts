/** The HTTP API as a whole: the server with its limits, the door that every request goes through, the routes. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyInstance } from 'fastify';
import { printable } from '../../domain/rejection.ts';
import { LARGEST_BODY, STREAM_PATH } from '../../protocol/http.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import { FirstProofs } from '../proof/first-proofs.ts';
import { peerAt } from '../sessions/connections.ts';
import { adminIntentRoutes } from './admin-intents.ts';
import { adminPeerRoutes } from './admin-peers.ts';
import { adminTopologyRoutes } from './admin-topology.ts';
import { type Admission, Door, type Refused } from './door.ts';
import { furnish } from './furnish.ts';
import { hasBody } from './json-body.ts';
import type { Parts } from './parts.ts';
import { pastRoutes } from './past.ts';
import { Questions } from './questions.ts';
import { ServedPeers } from './served-peers.ts';
import { streamRoute, Upgrades } from './stream-route.ts';
import { userRoutes } from './user-routes.ts';

/** Bytes of a request's line and headers. */
const LARGEST_HEAD = 16 * 1024;
/** Milliseconds until a request is there, body included. */
const SLOWEST_REQUEST = 10_000;
/** How often that is looked at, in milliseconds. */
const LOOK_AFTER_SLOW = 1_000;

export class Api {
  /** To be made to listen by an `ApiSocket`. */
  readonly server: Server;
  readonly #parts: Parts;
  readonly #app: FastifyInstance;
  readonly #door: Door;
  readonly #firstProofs: FirstProofs;
  readonly #served = new ServedPeers();
  readonly #upgrades = new Upgrades();
  /** What was last asked on each connection. */
  readonly #asked = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>();

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#firstProofs = new FirstProofs(parts.plane, parts.report);
    this.#door = new Door(parts, this.#firstProofs);
    const { connections } = this.#door;
    this.server = createServer({
      maxHeaderSize: LARGEST_HEAD,
      requestTimeout: SLOWEST_REQUEST,
      headersTimeout: SLOWEST_REQUEST,
      connectionsCheckingInterval: LOOK_AFTER_SLOW,
    });
    this.#app = fastify({
      bodyLimit: LARGEST_BODY,
      trustProxy: false,
      exposeHeadRoutes: false,
      forceCloseConnections: false,
      clientErrorHandler: (error, socket) => this.#onClientError(error, socket),
      routerOptions: { ignoreTrailingSlash: true },
      serverFactory: (handler) =>
        this.server.on('request', (...exchange) => this.#onRequest(handler, ...exchange)),
    });
    this.server.on('connection', (socket) => connections.take(socket));
    this.server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  static async create(parts: Parts): Promise<Api> {
    const api = new Api(parts);
    furnish(api.#app, api.#door, parts.report);
    await streamRoute(api.#app, parts, api.#door, api.#upgrades);
    userRoutes(api.#app, parts, api.#door);
    adminPeerRoutes(api.#app, parts, api.#served);
    adminTopologyRoutes(api.#app, parts);
    const questions = new Questions(parts, api.#door);
    adminIntentRoutes(api.#app, parts, questions);
    pastRoutes(api.#app, questions);
    await api.#app.ready();
    return api;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#served.close();
    this.#firstProofs.close();
    if (this.server.listening) this.server.close();
    this.#door.connections.close();
    await this.#app.close();
  }

  #onRequest(
    handler: (request: IncomingMessage, response: ServerResponse) => void,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    this.#asked.set(request.socket, { request, response });
    this.#trace(request, response);
    const admission = this.#door.admit(request);
    const goOn = (admitted: Admission): void => {
      if ('status' in admitted) turnAway(request, response, admitted);
      else handler(request, response);
    };
    delete request.headers['content-type']; // not looked at: garbage in it must not matter
    if (admission instanceof Promise) void admission.then(goOn);
    else goOn(admission);
  }

  #trace({ method, url, socket }: IncomingMessage, response: ServerResponse): void {
    const { remoteAddress: address } = socket;
    response.once('close', () =>
      this.#parts.trace('request', {
        method,
        path: printable(url?.split('?', 1)[0] ?? ''),
        address,
        status: response.statusCode,
      }),
    );
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admission = this.#door.admitUpgrade(request);
    if ('status' in admission) refuse(socket, admission);
    else if (request.url?.split('?', 1)[0] !== STREAM_PATH) refuse(socket, { status: 404 });
    else this.#upgrades.pass(request, socket, head);
  }

  /**
   * What is not HTTP at all; a stranger does not even hear that. A request before it that is whole is being carried
   * out: its own answer goes out, and not a refusal in its place.
   */
  #onClientError(error: Error, socket: Duplex): void {
    const { remoteAddress } = socket as Duplex & { remoteAddress?: string };
    if (!isGone(error)) this.#parts.limits.exceeded('malformed', remoteAddress);
    if (!socket.writable || !peerAt(this.#parts.live.network, remoteAddress)) {
      socket.destroy();
      return;
    }
    const asked = this.#asked.get(socket);
    if (asked?.request.complete && !asked.response.writableFinished) {
      asked.response.once('close', () => socket.end(() => socket.destroy()));
      return;
    }
    const status = STATUS_OF_CLIENT_ERROR[(error as NodeJS.ErrnoException).code ?? ''] ?? 400;
    refuse(socket, { status });
  }
}

/** The other end left, perhaps in the middle of a request: nobody has exceeded anything. */
const isGone = ({ code }: NodeJS.ErrnoException): boolean =>
  ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'].includes(code ?? '');

const STATUS_OF_CLIENT_ERROR: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** A refusal written by hand: there is no response object outside a request. */
const refuse = (socket: Duplex, { status, proof }: { status: number; proof?: string }): void => {
  socket.on('error', () => socket.destroy());
  const proved = proof === undefined ? '' : `${PROOF_HEADER}: ${proof}\r\n`;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n${proved}`;
  socket.end(`${head}\r\n`, () => socket.destroy());
};

/** An empty answer; whatever else the connection brings is not read, unless it has proved that it is a client of ours. */
const turnAway = (request: IncomingMessage, response: ServerResponse, { status, proof }: Refused): void => {
  const headers = {
    'content-length': '0',
    ...(status === 429 ? { 'retry-after': '1' } : {}),
    ...(proof === undefined ? {} : { [PROOF_HEADER]: proof }),
  };
  const ends = (hasBody(request) || status === 401) && proof === undefined;
  response.writeHead(status, ends ? { ...headers, connection: 'close' } : headers);
  response.end();
};
