/** The one route by which the log is asked; what is told to whom is in past/own-past.ts. */
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
