/** The stream's route: the upgrade goes through the same door and the same role check as every other request. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LARGEST_CLIENT_FRAME, SUBPROTOCOL } from '../../protocol/frames.ts';
import { STREAM_PATH } from '../../protocol/http.ts';
import { streamQuery } from '../../protocol/stream-query.ts';
import type { Door } from './door.ts';
import type { Parts } from './parts.ts';
import { BadRequest } from './refusal.ts';

/** Upgrades that the door has let in; the plugin hears of no others. */
export class Upgrades extends EventEmitter {
  pass(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.emit('upgrade', request, socket, head);
  }
}

const asksForOurs = ({ headers }: FastifyRequest): boolean =>
  headers['sec-websocket-protocol']?.split(',').some((name) => name.trim() === SUBPROTOCOL) ?? false;

export const streamRoute = async (
  app: FastifyInstance,
  { streams, proofs }: Pick<Parts, 'streams' | 'proofs'>,
  door: Door,
  upgrades: Upgrades,
): Promise<void> => {
  await app.register(websocket, {
    // Streams are the hub's: it ends them, and hears of their errors.
    preClose: (done) => done(),
    errorHandler: (_error, socket) => socket.terminate(),
    options: {
      server: upgrades as unknown as Server,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: LARGEST_CLIENT_FRAME,
      handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
  });
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
