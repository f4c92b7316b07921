/** Admin routes for CIDRs and associations, for innernet 2.0's client. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AdminCommand, Command } from '../../domain/command.ts';
import { Rejected } from '../../domain/rejection.ts';
import { AssociationContents, CidrContents, type V1Cidr } from '../../protocol/v1.ts';
import type { AssociationId, CidrId } from '../../values/id.ts';
import { type Asker, executeAs, idOf, route } from './calls.ts';
import type { ApiDependencies } from './dependencies.ts';
import { BadRequest, parsed, refusalOf } from './refusal.ts';
import { v1Association, v1Cidr } from './v1-rows.ts';

export const adminTopologyRoutes = (app: FastifyInstance, deps: ApiDependencies): void => {
  const { network } = deps.live;
  const cidrs = '/v1/admin/cidrs';
  route(app, 'admin', 'GET', cidrs, () => Array.from(network.cidrs(), v1Cidr));
  route(app, 'admin', 'POST', cidrs, (request, reply) => addCidr(deps, request, reply));
  route(app, 'admin', 'PUT', `${cidrs}/:id`, (request, reply) => renameCidr(deps, request, reply));
  route(app, 'admin', 'DELETE', `${cidrs}/:id`, (request, reply) => deleteCidr(deps, request, reply));
  const associations = '/v1/admin/associations';
  route(app, 'admin', 'GET', associations, () => Array.from(network.associations(), v1Association));
  route(app, 'admin', 'POST', associations, (request, reply) => associate(deps, request, reply));
  route(app, 'admin', 'DELETE', `${associations}/:id`, (request, reply) => dissociate(deps, request, reply));
};

const addCidr = async (
  deps: ApiDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<V1Cidr> => {
  const { name, cidr, parent } = parsed(CidrContents, request.body);
  const command = parsed(Command, { type: 'AddCidr', name, cidr, ...(parent ? { parent } : {}) });
  const { events } = await executeAs(deps, request, command);
  const added = events.find((event) => event.type === 'CidrAdded');
  if (!added) throw new Rejected({ code: 'UnknownCidr', cidr: name });
  reply.code(201);
  return v1Cidr({ ...added, id: added.cidrId });
};

/** Only the name can change. */
const renameCidr = async (
  deps: ApiDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const cidr = idOf<CidrId>(request);
  const { name } = parsed(CidrContents, request.body);
  if (deps.live.network.cidr(cidr)?.name !== name) {
    await executeAs(deps, request, parsed(Command, { type: 'RenameCidr', cidr, name }));
  }
  reply.code(204);
};

/** A missing CIDR counts as deleted. */
const deleteCidr = async (
  deps: ApiDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const cidr = idOf<CidrId>(request);
  if (deps.live.network.cidr(cidr)) await unlessGone(deps, request, { type: 'DeleteCidr', cidr });
  reply.code(204);
};

const GONE = new Set(['UnknownCidr', 'UnknownAssociation']);

const unlessGone = async (deps: ApiDependencies, asker: Asker, command: AdminCommand): Promise<void> => {
  try {
    await executeAs(deps, asker, command);
  } catch (error) {
    if (!(error instanceof Rejected && GONE.has(error.rejection.code))) throw error;
  }
};

const associate = async (
  deps: ApiDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const { cidr_id_1: left, cidr_id_2: right } = parsed(AssociationContents, request.body);
  const command = parsed(Command, { type: 'AddAssociation', cidrs: [left, right] });
  try {
    await executeAs(deps, request, command);
  } catch (error) {
    throw error instanceof Rejected ? asInvalid(error) : error;
  }
  reply.code(201);
};

/** Here an unknown CIDR is a wrong body, not a wrong path. */
const asInvalid = (refused: Rejected): Error => {
  if (refused.rejection.code !== 'UnknownCidr') return refused;
  const { code, error, hint } = refusalOf(refused.rejection);
  return new BadRequest(error, { code, ...(hint ? { hint } : {}) });
};

const dissociate = async (
  deps: ApiDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const association = deps.live.network.association(idOf<AssociationId>(request));
  if (association) {
    const [left, right] = association.cidrIds;
    await unlessGone(deps, request, { type: 'DeleteAssociation', cidrs: [left, right] });
  }
  reply.code(204);
};
