/** What all routes have in common: a declared role, JSON bodies, refusals with their reason. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Rejected } from '../../domain/rejection.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import type { Refusal } from '../../protocol/refusal.ts';
import { Failure } from '../../values/failure.ts';
import { partOf } from '../proof/proofs.ts';
import { ROLES } from './admission.ts';
import type { Door } from './door.ts';
import { bodyOf, parseJson } from './json-body.ts';
import type { Parts } from './parts.ts';
import { BadRequest, refusalOf, STATUS } from './refusal.ts';

/** Roles, bodies and answers, the same for all routes. */
export const furnish = (
  app: FastifyInstance,
  door: Pick<Door, 'callerNow' | 'proofOf'>,
  report: Parts['report'],
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
  // Asked when the head is there and again when the body is: an admin may cease to be one in between.
  const check = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const caller = door.callerNow(request.raw, request.routeOptions.config.openTo ?? 'peer');
    if (!caller) return sendEmpty(reply, 401);
    request.caller = caller.peer;
    request.evidence = caller.evidence;
    return undefined;
  };
  app.addHook('onRequest', check);
  app.addHook('preHandler', check);
  app.addHook('onSend', ({ raw }, reply, payload, done) => {
    if (reply.hasHeader(PROOF_HEADER)) return done(null, payload); // a snapshot's bytes were hashed when it was packed
    const proof = door.proofOf(raw, () => {
      const body = Buffer.from((payload ?? '') as string | Buffer);
      return { status: reply.statusCode, parts: [partOf(body)] };
    });
    if (proof !== undefined) reply.header(PROOF_HEADER, proof);
    done(null, payload);
  });
  app.setNotFoundHandler((_request, reply) => sendEmpty(reply, 404));
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, report));
};

const sendEmpty = (reply: FastifyReply, status: number): FastifyReply => reply.code(status).send();

const answerError = (
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  report: Parts['report'],
): FastifyReply => {
  if (!request.raw.complete) reply.header('connection', 'close');
  const { status, body } = answerTo(error);
  if (status >= 500) report(`${request.method} ${request.routeOptions.url ?? 'nowhere'} failed`, error);
  if (status === 401) return sendEmpty(reply, 401);
  return reply.code(status).send(body);
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
