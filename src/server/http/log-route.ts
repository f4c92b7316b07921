/** The route of standbys, which follow the log itself. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { LOG_PATH, LOG_SUBPROTOCOL } from '../../protocol/log-frames.ts';
import { Hash, Position } from '../../values/id.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Door } from './door.ts';
import { BadRequest } from './refusal.ts';

const Query = z.object({
  position: z.coerce.number().pipe(Position),
  hash: Hash,
  version: z.string().max(64).optional(),
});

export const logRoute = (
  app: FastifyInstance,
  { standbys, proofs }: Pick<ApiDependencies, 'standbys' | 'proofs'>,
  door: Door,
): void => {
  app.route({
    method: 'GET',
    url: LOG_PATH,
    config: { openTo: 'standby' },
    preValidation: async (request) => {
      if (!request.ws || asksForOurs(request)) return;
      throw new BadRequest(`the log's stream speaks ${LOG_SUBPROTOCOL}`);
    },
    handler: (_request, reply) => reply.code(426).send(),
    wsHandler: (socket, request) => {
      const { evidence, raw, caller } = request;
      const query = Query.safeParse(request.query);
      if (!evidence || !query.success) {
        socket.close(1008);
        return;
      }
      const proved = (): boolean => door.proveStream(raw);
      standbys.attach(socket, caller, query.data, { evidence, moment: proofs.moment, proved });
    },
  });
};

const asksForOurs = ({ headers }: FastifyRequest): boolean =>
  headers['sec-websocket-protocol']?.split(',').some((name) => name.trim() === LOG_SUBPROTOCOL) ?? false;
