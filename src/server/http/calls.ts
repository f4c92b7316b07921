/** Common parts of routes: roles, callers, and commands in their name. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Command } from '../../domain/command.ts';
import type { Peer } from '../../domain/peer.ts';
import { unprovedRights } from '../../domain/proofs.ts';
import type { Outcome } from '../commands/outcome.ts';
import { explained } from '../past/explained.ts';
import type { Evidence } from '../proof/proofs.ts';
import type { Role } from './admission.ts';
import type { ApiDependencies } from './dependencies.ts';
import { BadRequest } from './refusal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route without it does not register. */
    openTo?: Role;
  }
  interface FastifyRequest {
    /** As it was when the request came in. */
    caller: Peer;
    /** Undefined: not proved. */
    evidence: Evidence | undefined;
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** The result is sent as JSON, `undefined` as an empty body, unless the reply is taken over. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

export const route = (
  app: FastifyInstance,
  openTo: Role,
  method: Method,
  url: string,
  handler: Handler,
): void => {
  app.route({
    method,
    url,
    config: { openTo },
    handler: async (request, reply) => {
      const answer = await handler(request, reply);
      // A second send makes fastify create an error, as costly as a short answer.
      return reply.sent ? reply : reply.send(answer);
    },
  });
};

export type Asker = Pick<FastifyRequest, 'caller' | 'evidence'>;

/** An unproved program may not be, though its peer is an admin. */
export const speaksAsAdmin = (
  { live }: Pick<ApiDependencies, 'live'>,
  { caller, evidence }: Asker,
): boolean => caller.isAdmin && (evidence !== undefined || unprovedRights(live.network, caller) === 'all');

/** Resolves when the API's own state includes the command. Throws `Rejected`. */
export const executeAs = async (
  { plane, live, past }: ApiDependencies,
  { caller, evidence }: Asker,
  command: Command,
  commandId?: string,
): Promise<Outcome> => {
  const actor = { kind: 'peer' as const, peerId: caller.id };
  const request = {
    actor,
    isProved: evidence !== undefined,
    ...(commandId === undefined ? {} : { commandId }),
  };
  const outcome = await (caller.isAdmin
    ? explained(past, () => plane.execute(command, request))
    : plane.execute(command, request));
  await live.reached(outcome.position);
  return outcome;
};

/** Where questions and transfers are counted; an unproved program uses up nothing of its peer's. */
export const accountOf = ({ caller, evidence }: Asker): string =>
  evidence ? caller.ip : `${caller.ip} (unproved)`;

/** The id in the path. Throws a `BadRequest` (404) for anything else. */
export const idOf = <Id extends number>(request: FastifyRequest): Id => {
  const { id } = request.params as { id: string };
  if (!/^[1-9]\d{0,14}$/.test(id))
    throw new BadRequest(`"${id}" is not an id`, { status: 404, code: 'UnknownId' });
  return Number(id) as Id;
};
