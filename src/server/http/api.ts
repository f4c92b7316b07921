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
import type { Peer } from '../../domain/peer-table.ts';
import { printable } from '../../domain/rejection.ts';
import { LARGEST_BODY, STREAM_PATH } from '../../protocol/http.ts';
import { adminIntentRoutes } from './admin-intents.ts';
import { adminPeerRoutes } from './admin-peers.ts';
import { adminTopologyRoutes } from './admin-topology.ts';
import { callerOf, peerAt } from './admission.ts';
import { Connections } from './connections.ts';
import { furnish } from './furnish.ts';
import type { Parts } from './parts.ts';
import { pastRoutes } from './past.ts';
import { CALLS, Quota } from './quotas.ts';
import { ServedPeers } from './served-peers.ts';
import { streamRoute, Upgrades } from './stream-route.ts';
import { userRoutes } from './user-routes.ts';

/** Bytes of a request's line and headers. */
const LARGEST_HEAD = 16 * 1024;
/** Milliseconds until a request is there, body included. */
const SLOWEST_REQUEST = 10_000;
/** How often that is looked at, in milliseconds. */
const LOOK_AFTER_SLOW = 1_000;

/** Who may come in: the caller, or the status to send away with. */
type Admission = { caller: Peer } | { status: 401 | 404 | 429 };

export class Api {
  /** To be made to listen by an `ApiSocket`. */
  readonly server: Server;
  readonly #parts: Parts;
  readonly #app: FastifyInstance;
  readonly #connections = new Connections();
  readonly #calls = new Quota(CALLS);
  readonly #served = new ServedPeers();
  readonly #upgrades = new Upgrades();
  /** What was last asked on each connection. */
  readonly #asked = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>();
  readonly #unsubscribe: () => void;

  private constructor(parts: Parts) {
    this.#parts = parts;
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
    this.server.on('connection', (socket) => {
      if (!this.#connections.take(socket)) parts.limits.exceeded('sockets', socket.remoteAddress);
    });
    this.server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.#unsubscribe = parts.live.subscribe((step) => this.#connections.follow(step));
  }

  static async create(parts: Parts): Promise<Api> {
    const api = new Api(parts);
    furnish(api.#app, (request) => api.#callerNow(request), parts.report);
    await streamRoute(api.#app, parts.streams, api.#upgrades);
    userRoutes(api.#app, parts, api.#calls);
    adminPeerRoutes(api.#app, parts, api.#served);
    adminTopologyRoutes(api.#app, parts);
    adminIntentRoutes(api.#app, parts);
    pastRoutes(api.#app, parts);
    await api.#app.ready();
    return api;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#served.close();
    if (this.server.listening) this.server.close();
    this.#connections.close();
    await this.#app.close();
  }

  #onRequest(
    handler: (request: IncomingMessage, response: ServerResponse) => void,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    this.#asked.set(request.socket, { request, response });
    const admission = this.#admit(request);
    this.#trace(request, response);
    if ('status' in admission) {
      turnAway(request, response, admission.status);
      return;
    }
    delete request.headers['content-type']; // not looked at: garbage in it must not matter
    handler(request, response);
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

  #admit(request: IncomingMessage): Admission {
    if (!request.url?.startsWith('/v1/')) return { status: 404 };
    const caller = this.#callerNow(request);
    const { limits } = this.#parts;
    if (!caller) {
      limits.exceeded('strangers', request.socket.remoteAddress);
      return { status: 401 };
    }
    if (this.#calls.take(caller.id)) return { caller };
    limits.exceeded('calls', caller.ip);
    return { status: 429 };
  }

  #callerNow(request: IncomingMessage): Peer | undefined {
    const { live, serverKey, endpoint } = this.#parts;
    return callerOf(request, { network: live.network, serverKey, endpoint });
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admission = this.#admit(request);
    if ('status' in admission) refuse(socket, admission.status);
    else if (request.url?.split('?', 1)[0] !== STREAM_PATH) refuse(socket, 404);
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
    refuse(socket, status);
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
const refuse = (socket: Duplex, status: number): void => {
  socket.on('error', () => socket.destroy());
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
  socket.end(`${head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
};

/** An empty answer; whatever else the connection brings is not read. */
const turnAway = (request: IncomingMessage, response: ServerResponse, status: number): void => {
  const hasBody =
    'transfer-encoding' in request.headers || Number(request.headers['content-length'] ?? 0) > 0;
  const headers = { 'content-length': '0', ...(status === 429 ? { 'retry-after': '1' } : {}) };
  response.writeHead(status, hasBody || status === 401 ? { ...headers, connection: 'close' } : headers);
  response.end();
};
