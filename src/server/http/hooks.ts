/** Hooks for all routes: door, roles, JSON bodies, refusals and proofs. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Rejected } from '../../domain/rejection.ts';
import { STREAM_PATH } from '../../protocol/http.ts';
import { LOG_PATH } from '../../protocol/log-frames.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import type { Refusal } from '../../protocol/refusal.ts';
import { Failure } from '../../values/failure.ts';
import { EMPTY_PART, partOf } from '../proof/proofs.ts';
import { ROLES } from './admission.ts';
import type { Door, Refused } from './door.ts';
import { bodyOf, hasBody, parseJson } from './json-body.ts';
import { BadRequest, refusalOf, STATUS } from './refusal.ts';

type Report = (trouble: string, error: unknown) => void;

/** `held` resolves when all that may be told is on each level standby's disk. */
type HookParts = { report: Report; held: () => Promise<void> };

/** Paths of streams. */
const STREAMS: readonly string[] = [STREAM_PATH, LOG_PATH];

/** Call before any route is declared. */
export const installHooks = (
  app: FastifyInstance,
  door: Pick<Door, 'admit' | 'callerNow' | 'proofOf'>,
  { report, held }: HookParts,
): void => {
  app.addHook('onRoute', ({ method, url, config }) => {
    const role = config?.openTo;
    if (!role || !ROLES.includes(role))
      throw new Error(`the route ${method} ${url} does not say whom it is open to`);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async ({ raw }: FastifyRequest) => parseJson((await bodyOf(raw)).toString()));
  app.decorateRequest('caller');
  app.decorateRequest('evidence');
  const check = (request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
    const caller = door.callerNow(request.raw, request.routeOptions.config.openTo ?? 'peer');
    if (!caller) return reply.code(401).send();
    request.caller = caller.peer;
    request.evidence = caller.evidence;
    return undefined;
  };
  /** A snapshot is proved by its handler. */
  const prove = ({ raw }: FastifyRequest, reply: FastifyReply, payload: unknown): void => {
    if (reply.hasHeader(PROOF_HEADER)) return;
    const proof = door.proofOf(raw, () => {
      const body = Buffer.from((payload ?? '') as string | Buffer);
      return { status: reply.statusCode, parts: [partOf(body)] };
    });
    if (proof !== undefined) reply.header(PROOF_HEADER, proof);
  };
  app.addHook('onRequest', async (request, reply) => {
    // The type is ignored, but fastify refuses unparsable types first.
    delete request.raw.headers['content-type'];
    const refused = await door.admit(request.raw, request.ws);
    if (refused) return turnAway(request, reply, refused);
    // Otherwise the plugin opens a stream on any route, and closes it again.
    if (request.ws && !STREAMS.includes(request.routeOptions.url ?? ''))
      return turnAway(request, reply, { status: 404 });
    return check(request, reply);
  });
  // Again after the body: an admin may lose that right in between.
  app.addHook('preHandler', async (request, reply) => check(request, reply));
  app.addHook('onSend', async (request, reply, payload) => {
    await held();
    prove(request, reply, payload);
    return payload;
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send());
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, report));
};

/** Answers a path that fastify cannot read: no route or hook sees it. */
export const answerUnroutable = async (
  door: Pick<Door, 'admit' | 'proofOf'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const refused = await door.admit(request.raw, false);
  const proof = door.proofOf(request.raw, () => ({ status: 400, parts: [EMPTY_PART] }));
  // It may be an upgrade, with a connection that no other code closes.
  reply.raw.once('finish', () => request.raw.socket.destroySoon());
  void turnAway(request, reply, refused ?? { status: 400, proof });
};

/** An empty answer; closes the connection if unproved input may follow. */
const turnAway = (request: FastifyRequest, reply: FastifyReply, { status, proof }: Refused): FastifyReply => {
  if (status === 429) reply.header('retry-after', 1);
  if (proof !== undefined) reply.header(PROOF_HEADER, proof);
  else if (hasBody(request.raw) || status === 401) reply.header('connection', 'close');
  return reply.code(status).send();
};

const answerError = (
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  report: Report,
): FastifyReply => {
  if (!request.raw.complete) reply.header('connection', 'close');
  const { status, body } = answerTo(error);
  if (status >= 500) report(`${request.method} ${request.routeOptions.url ?? 'nowhere'} failed`, error);
  return status === 401 ? reply.code(401).send() : reply.code(status).send(body);
};

const answerTo = (error: FastifyError): { status: number; body: Refusal } => {
  if (error instanceof Rejected)
    return { status: STATUS[error.rejection.code], body: refusalOf(error.rejection, error.background) };
  if (error instanceof BadRequest) return { status: error.status, body: error.body() };
  if (error instanceof Failure) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { status: 503, body: { code: 'Failed', error: error.message, ...hint } };
  }
  const { statusCode = 500 } = error;
  if (statusCode < 500)
    return { status: statusCode, body: { code: 'BadRequest', error: 'the request is malformed' } };
  return { status: 500, body: { code: 'InternalError', error: 'internal error' } };
};
