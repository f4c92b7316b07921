/** The HTTP API: fastify with its limits, hooks and routes. */
import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import websocket from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { printable } from '../../domain/rejection.ts';
import { MAX_CLIENT_FRAME_BYTES, SUBPROTOCOL } from '../../protocol/frames.ts';
import { MAX_BODY_BYTES } from '../../protocol/http.ts';
import { LOG_SUBPROTOCOL } from '../../protocol/log-frames.ts';
import { FirstProofs } from '../proof/first-proofs.ts';
import { peerAt } from '../sessions/connections.ts';
import { adminIntentRoutes } from './admin-intents.ts';
import { adminPeerRoutes } from './admin-peers.ts';
import { adminTopologyRoutes } from './admin-topology.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Door } from './door.ts';
import { answerUnroutable, installHooks } from './hooks.ts';
import { logRoute } from './log-route.ts';
import { pastRoutes } from './past.ts';
import { Questions } from './questions.ts';
import { ServedPeers } from './served-peers.ts';
import { streamRoute } from './stream-route.ts';
import { userRoutes } from './user-routes.ts';

/** Request line and headers. */
const MAX_HEAD_BYTES = 16 * 1024;
/** For a whole request, body included; and how often that is checked. */
const MAX_REQUEST_MS = 10_000;
const LOOK_AFTER_SLOW_MS = 1_000;
const KEEP_ALIVE_MS = 5_000;

export class Api {
  readonly #deps: ApiDependencies;
  readonly #app: FastifyInstance;
  readonly #door: Door;
  readonly #firstProofs: FirstProofs;
  readonly #served = new ServedPeers();

  private constructor(deps: ApiDependencies) {
    this.#deps = deps;
    this.#firstProofs = new FirstProofs(deps.plane, deps.report);
    this.#door = new Door(deps, this.#firstProofs);
    this.#app = fastify({
      http: {
        maxHeaderSize: MAX_HEAD_BYTES,
        headersTimeout: MAX_REQUEST_MS,
        connectionsCheckingInterval: LOOK_AFTER_SLOW_MS,
      },
      requestTimeout: MAX_REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      bodyLimit: MAX_BODY_BYTES,
      trustProxy: false,
      exposeHeadRoutes: false,
      forceCloseConnections: false,
      clientErrorHandler: (error, socket) => this.#onClientError(error, socket),
      frameworkErrors: (_error, request, reply) => void answerUnroutable(this.#door, request, reply),
      routerOptions: { ignoreTrailingSlash: true },
    });
    // Before parsing: most connections of an idle flood never send a request.
    this.server.on('connection', (socket) => this.#door.connections.take(socket));
  }

  static async create(deps: ApiDependencies): Promise<Api> {
    const api = new Api(deps);
    const app = api.#app;
    // Before the hooks, which must recognise an upgrade.
    await app.register(websocket, {
      // The hub ends streams and handles their errors.
      preClose: (done) => done(),
      errorHandler: (_error, socket) => socket.terminate(),
      options: {
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload: MAX_CLIENT_FRAME_BYTES,
        handleProtocols: (protocols) =>
          [SUBPROTOCOL, LOG_SUBPROTOCOL].find((each) => protocols.has(each)) ?? false,
      },
    });
    app.addHook('onRequest', async (request, reply) => api.#note(request, reply));
    installHooks(app, api.#door, deps);
    streamRoute(app, deps, api.#door);
    logRoute(app, deps, api.#door);
    userRoutes(app, deps, api.#door);
    adminPeerRoutes(app, deps, api.#served);
    adminTopologyRoutes(app, deps);
    const questions = new Questions(deps, api.#door);
    adminIntentRoutes(app, deps, questions);
    pastRoutes(app, questions);
    await app.ready();
    return api;
  }

  get server(): Server {
    return this.#app.server;
  }

  async close(): Promise<void> {
    this.#served.close();
    this.#firstProofs.close();
    if (this.server.listening) this.server.close();
    this.#door.connections.close();
    await this.#app.close();
  }

  #note({ raw: request, ws }: FastifyRequest, { raw: response }: FastifyReply): void {
    const { method, url } = request;
    const { remoteAddress: address } = request.socket;
    if (!ws) this.#door.connections.ask({ request, response });
    const path = printable(url?.split('?', 1)[0] ?? '');
    response.once('close', () =>
      this.#deps.trace('request', { method, path, address, status: response.statusCode }),
    );
  }

  /**
   * Not HTTP, too slow or too long; a stranger gets no answer. A complete earlier request still gets its own
   * answer. No refusal here is proved: that needs the call's tag, and its head is missing or unreadable.
   */
  #onClientError(error: Error, socket: Duplex): void {
    const { remoteAddress } = socket as Socket;
    if (!isGone(error)) this.#deps.limits.exceeded('malformed', remoteAddress);
    if (!socket.writable || !peerAt(this.#deps.live.network, remoteAddress)) {
      socket.destroy();
      return;
    }
    const asked = this.#door.connections.askedOver(socket as Socket);
    if (asked?.request.complete && !asked.response.writableFinished) {
      asked.response.once('close', () => socket.end(() => socket.destroy()));
      return;
    }
    refuse(socket, STATUS_OF_CLIENT_ERROR[(error as NodeJS.ErrnoException).code ?? ''] ?? 400);
  }
}

/** The other end left: no limit is exceeded. */
const isGone = ({ code }: NodeJS.ErrnoException): boolean =>
  ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'].includes(code ?? '');

const STATUS_OF_CLIENT_ERROR: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** There is no response object outside a request. */
const refuse = (socket: Duplex, status: number): void => {
  socket.on('error', () => socket.destroy());
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n`;
  socket.end(`${head}\r\n`, () => socket.destroy());
};
