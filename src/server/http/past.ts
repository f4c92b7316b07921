/** The route for questions about the log; past/own-past.ts limits the answers. */
import type { FastifyInstance } from 'fastify';
import { PAST_PATH } from '../../protocol/http.ts';
import { Question } from '../../protocol/past.ts';
import { route } from './calls.ts';
import type { Questions } from './questions.ts';
import { parsed } from './refusal.ts';

export const pastRoutes = (app: FastifyInstance, questions: Questions): void => {
  route(app, 'redeemed', 'POST', PAST_PATH, (request, reply) => {
    reply.header('content-type', 'application/json; charset=utf-8');
    return questions.ask(parsed(Question, request.body), request);
  });
};
