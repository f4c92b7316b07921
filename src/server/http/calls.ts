/** What every route needs: who calls, what they sent, and a command carried out in their name. */
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
    /** Whom the route is open to; one without does not register. */
    openTo?: Role;
  }
  interface FastifyRequest {
    /** The peer at the other end, as it was when the request came in. */
    caller: Peer;
    /** What the request was proved by; undefined where it was not. */
    evidence: Evidence | undefined;
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Answers a request: what it returns is sent as JSON, `undefined` as an empty body, unless it has taken the reply over. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** Declares a route and whom it is open to. */
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
      // To send a second time makes fastify an error, which costs as much as a short answer.
      return reply.sent ? reply : reply.send(answer);
    },
  });
};

/** A request, as far as it matters who sent it. */
export type Asker = Pick<FastifyRequest, 'caller' | 'evidence'>;

/** Whether the caller is answered as an admin: a program that proves nothing may not be, though its peer is one. */
export const speaksAsAdmin = (
  { live }: Pick<ApiDependencies, 'live'>,
  { caller, evidence }: Asker,
): boolean => caller.isAdmin && (evidence !== undefined || unprovedRights(live.network, caller) === 'all');

/** Carries a command out in the caller's name; resolves when what the API shows has it. Throws `Rejected`. */
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

/** Whose account something goes on: what cannot prove anything has one of its own, and takes nothing from a peer's. */
export const accountOf = ({ caller, evidence }: Asker): string =>
  evidence ? caller.ip : `${caller.ip} (unproved)`;

/** The number in `/…/:id`. Throws a `BadRequest` (404) where it cannot be an id. */
export const idOf = <Id extends number>(request: FastifyRequest): Id => {
  const { id } = request.params as { id: string };
  if (!/^[1-9]\d{0,14}$/.test(id))
    throw new BadRequest(`"${id}" is not an id`, { status: 404, code: 'UnknownId' });
  return Number(id) as Id;
};
