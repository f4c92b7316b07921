/** What all routes have in common: a declared role, JSON bodies, refusals with their reason. */
import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Peer } from '../../domain/peer-table.ts';
import { Rejected } from '../../domain/rejection.ts';
import { LARGEST_BODY } from '../../protocol/http.ts';
import type { Refusal } from '../../protocol/refusal.ts';
import { Failure } from '../../values/failure.ts';
import { isOpenTo, ROLES } from './admission.ts';
import { parseJson } from './json-body.ts';
import type { Parts } from './parts.ts';
import { BadRequest, refusalOf, STATUS } from './refusal.ts';

/** Roles, bodies and answers, the same for all routes. */
export const furnish = (
  app: FastifyInstance,
  callerNow: (request: IncomingMessage) => Peer | undefined,
  report: Parts['report'],
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
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { status: 413, body: { code: 'BodyTooLarge', error: `a body has at most ${LARGEST_BODY} bytes` } };
  }
  const { statusCode = 500 } = error;
  if (statusCode < 500)
    return { status: statusCode, body: { code: 'BadRequest', error: 'the request is malformed' } };
  return { status: 500, body: { code: 'InternalError', error: 'internal error' } };
};
