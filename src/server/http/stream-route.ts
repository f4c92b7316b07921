/** The stream's route, with the same hooks as all others. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SUBPROTOCOL } from '../../protocol/frames.ts';
import { STREAM_PATH } from '../../protocol/http.ts';
import { streamQuery } from '../../protocol/stream-query.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Door } from './door.ts';
import { BadRequest } from './refusal.ts';

const asksForOurs = ({ headers }: FastifyRequest): boolean =>
  headers['sec-websocket-protocol']?.split(',').some((name) => name.trim() === SUBPROTOCOL) ?? false;

export const streamRoute = (
  app: FastifyInstance,
  { streams, proofs }: Pick<ApiDependencies, 'streams' | 'proofs'>,
  door: Door,
): void => {
  app.route({
    method: 'GET',
    url: STREAM_PATH,
    config: { openTo: 'redeemed' },
    preValidation: async (request) => {
      if (request.ws && !asksForOurs(request)) throw new BadRequest(`a stream speaks ${SUBPROTOCOL}`);
    },
    handler: (_request, reply) => reply.code(426).send(),
    wsHandler: (socket, request) => {
      const query = streamQuery(new URLSearchParams(request.query as Record<string, string>));
      const { evidence, raw } = request;
      const proved = (): boolean => door.proveStream(raw);
      const opening = evidence && { evidence, moment: proofs.moment, proved };
      streams.attach(socket, request.caller.id, query, opening);
    },
  });
};
