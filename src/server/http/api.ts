/** The HTTP API as a whole: the server with its limits, the door that every request goes through, the routes. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Peer } from '../../domain/network.ts';
import { Rejected } from '../../domain/rejection.ts';
import type { Refusal } from '../../protocol/commands.ts';
import { LARGEST_BODY } from '../../protocol/v1.ts';
import { Failure } from '../../values/failure.ts';
import { adminIntentRoutes } from './admin-intents.ts';
import { adminPeerRoutes } from './admin-peers.ts';
import { adminTopologyRoutes } from './admin-topology.ts';
import { callerOf, isOpenTo, peerAt, ROLES } from './admission.ts';
import { Connections } from './connections.ts';
import { parseJson } from './json-body.ts';
import type { Parts } from './parts.ts';
import { CALLS, Quota } from './quotas.ts';
import { BadRequest, refusalOf, STATUS } from './refusal.ts';
import { ServedPeers } from './served-peers.ts';
import { refuseUpgrade, StreamUpgrade } from './stream-upgrade.ts';
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
  readonly #upgrade: StreamUpgrade;
  /** The callers of requests on their way in; a request's own headers say nothing about that. */
  readonly #callers = new WeakMap<IncomingMessage, Peer>();
  readonly #unsubscribe: () => void;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#upgrade = new StreamUpgrade(parts.streams);
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
      routerOptions: { ignoreTrailingSlash: true },
      serverFactory: (handler) =>
        this.server.on('request', (...exchange) => this.#onRequest(handler, ...exchange)),
    });
    this.server.on('connection', (socket) => this.#connections.take(socket));
    this.server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.server.on('clientError', (error, socket) => this.#onClientError(error, socket));
    this.#unsubscribe = parts.live.subscribe((step) => this.#connections.follow(step));
  }

  static async create(parts: Parts): Promise<Api> {
    const api = new Api(parts);
    furnish(api.#app, (request) => api.#callerNow(request), parts);
    userRoutes(api.#app, parts);
    adminPeerRoutes(api.#app, parts, api.#served);
    adminTopologyRoutes(api.#app, parts);
    adminIntentRoutes(api.#app, parts);
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
    const admission = this.#admit(request);
    if ('status' in admission) {
      turnAway(request, response, admission.status);
      return;
    }
    this.#callers.set(request, admission.caller);
    delete request.headers['content-type']; // not looked at: garbage in it must not matter
    handler(request, response);
  }

  #admit(request: IncomingMessage): Admission {
    if (!request.url?.startsWith('/v1/')) return { status: 404 };
    const caller = this.#callerNow(request);
    if (!caller) return { status: 401 };
    return this.#calls.take(caller.id) ? { caller } : { status: 429 };
  }

  #callerNow(request: IncomingMessage): Peer | undefined {
    const { live, serverKey, endpoint } = this.#parts;
    return callerOf(request, { network: live.network, serverKey, endpoint });
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admission = this.#admit(request);
    const status = 'status' in admission ? admission.status : this.#streamStatus(request, admission.caller);
    if (status === undefined && 'caller' in admission) {
      this.#upgrade.accept(request, socket, head, admission.caller.id);
    } else {
      refuseUpgrade(socket, status ?? 400, STATUS_CODES[status ?? 400] ?? '');
    }
  }

  #streamStatus(request: IncomingMessage, caller: Peer): number | undefined {
    return isOpenTo('redeemed', caller) ? this.#upgrade.refusal(request) : 401;
  }

  /** What is not HTTP at all; a stranger does not even hear that. */
  #onClientError(error: Error, socket: Duplex): void {
    const { remoteAddress } = socket as Duplex & { remoteAddress?: string };
    if (!socket.writable || !peerAt(this.#parts.live.network, remoteAddress)) {
      socket.destroy();
      return;
    }
    const status = STATUS_OF_CLIENT_ERROR[(error as NodeJS.ErrnoException).code ?? ''] ?? 400;
    refuseUpgrade(socket, status, STATUS_CODES[status] ?? '');
  }
}

const STATUS_OF_CLIENT_ERROR: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** An empty answer; whatever else the connection brings is not read. */
const turnAway = (request: IncomingMessage, response: ServerResponse, status: number): void => {
  const hasBody =
    'transfer-encoding' in request.headers || Number(request.headers['content-length'] ?? 0) > 0;
  const headers = { 'content-length': '0', ...(status === 429 ? { 'retry-after': '1' } : {}) };
  response.writeHead(status, hasBody || status === 401 ? { ...headers, connection: 'close' } : headers);
  response.end();
};

/** Roles, bodies and answers, the same for all routes. */
const furnish = (
  app: FastifyInstance,
  callerNow: (request: IncomingMessage) => Peer | undefined,
  parts: Parts,
): void => {
  app.addHook('onRoute', ({ method, url, config }) => {
    const role = config?.openTo;
    if (!role || !ROLES.includes(role))
      throw new Error(`the route ${method} ${url} does not say whom it is open to`);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseJson(body),
  );
  app.decorateRequest('caller');
  // Asked when the head is there and again when the body is: an admin may cease to be one in between.
  const check = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const caller = callerNow(request.raw);
    if (!caller || !isOpenTo(request.routeOptions.config.openTo ?? 'peer', caller))
      return sendEmpty(reply, 401);
    request.caller = caller;
    return undefined;
  };
  app.addHook('onRequest', check);
  app.addHook('preHandler', check);
  app.setNotFoundHandler((_request, reply) => sendEmpty(reply, 404));
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, parts));
};

const sendEmpty = (reply: FastifyReply, status: number): FastifyReply => reply.code(status).send();

const answerError = (
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  { report }: Parts,
): FastifyReply => {
  if (!request.raw.complete) reply.header('connection', 'close');
  const { status, body } = answerTo(error);
  if (status >= 500) report(`${request.method} ${request.routeOptions.url ?? 'nowhere'} failed`, error);
  if (status === 401) return sendEmpty(reply, 401);
  return reply.code(status).send(body);
};

const answerTo = (error: FastifyError): { status: number; body: Refusal } => {
  if (error instanceof Rejected)
    return { status: STATUS[error.rejection.code], body: refusalOf(error.rejection) };
  if (error instanceof BadRequest) return { status: error.status, body: error.body() };
  if (error instanceof Failure) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { status: 503, body: { code: 'Failed', error: error.message, ...hint } };
  }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { status: 413, body: { code: 'BodyTooLarge', error: `a body has at most ${LARGEST_BODY} bytes` } };
  }
  const { statusCode = 500 } = error;
  if (statusCode < 500)
    return { status: statusCode, body: { code: 'BadRequest', error: 'the request is malformed' } };
  return { status: 500, body: { code: 'InternalError', error: 'internal error' } };
};
