/** CIDRs and associations for admins with innernet's own client. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AdminCommand, Command } from '../../domain/command.ts';
import { Rejected } from '../../domain/rejection.ts';
import { AssociationContents, CidrContents, type V1Cidr } from '../../protocol/v1.ts';
import type { AssociationId, CidrId } from '../../values/id.ts';
import { type Asker, executeAs, idOf, route } from './calls.ts';
import type { Parts } from './parts.ts';
import { BadRequest, parsed, refusalOf } from './refusal.ts';
import { v1Association, v1Cidr } from './v1-rows.ts';

export const adminTopologyRoutes = (app: FastifyInstance, parts: Parts): void => {
  const { network } = parts.live;
  const cidrs = '/v1/admin/cidrs';
  route(app, 'admin', 'GET', cidrs, () => Array.from(network.cidrs(), v1Cidr));
  route(app, 'admin', 'POST', cidrs, (request, reply) => addCidr(parts, request, reply));
  route(app, 'admin', 'PUT', `${cidrs}/:id`, (request, reply) => renameCidr(parts, request, reply));
  route(app, 'admin', 'DELETE', `${cidrs}/:id`, (request, reply) => deleteCidr(parts, request, reply));
  const associations = '/v1/admin/associations';
  route(app, 'admin', 'GET', associations, () => Array.from(network.associations(), v1Association));
  route(app, 'admin', 'POST', associations, (request, reply) => associate(parts, request, reply));
  route(app, 'admin', 'DELETE', `${associations}/:id`, (request, reply) => dissociate(parts, request, reply));
};

const addCidr = async (parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<V1Cidr> => {
  const { name, cidr, parent } = parsed(CidrContents, request.body);
  const command = parsed(Command, { type: 'AddCidr', name, cidr, ...(parent ? { parent } : {}) });
  const { events } = await executeAs(parts, request, command);
  const added = events.find((event) => event.type === 'CidrAdded');
  if (!added) throw new Rejected({ code: 'UnknownCidr', cidr: name });
  reply.code(201);
  return v1Cidr({ ...added, id: added.cidrId });
};

/** Only the name can change, so the row put back is a wish for that name. */
const renameCidr = async (parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const cidr = idOf<CidrId>(request);
  const { name } = parsed(CidrContents, request.body);
  if (parts.live.network.cidr(cidr)?.name !== name) {
    await executeAs(parts, request, parsed(Command, { type: 'RenameCidr', cidr, name }));
  }
  reply.code(204);
};

/** One that is not there (any more) is as good as deleted. */
const deleteCidr = async (parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const cidr = idOf<CidrId>(request);
  if (parts.live.network.cidr(cidr)) await unlessGone(parts, request, { type: 'DeleteCidr', cidr });
  reply.code(204);
};

const GONE = new Set(['UnknownCidr', 'UnknownAssociation']);

const unlessGone = async (parts: Parts, asker: Asker, command: AdminCommand): Promise<void> => {
  try {
    await executeAs(parts, asker, command);
  } catch (error) {
    if (!(error instanceof Rejected && GONE.has(error.rejection.code))) throw error;
  }
};

const associate = async (parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const { cidr_id_1: left, cidr_id_2: right } = parsed(AssociationContents, request.body);
  const command = parsed(Command, { type: 'AddAssociation', cidrs: [left, right] });
  try {
    await executeAs(parts, request, command);
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

const dissociate = async (parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const association = parts.live.network.association(idOf<AssociationId>(request));
  if (association) {
    const [left, right] = association.cidrIds;
    await unlessGone(parts, request, { type: 'DeleteAssociation', cidrs: [left, right] });
  }
  reply.code(204);
};
