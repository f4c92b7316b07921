/** Admin routes for peers, for innernet 2.0's client with whole rows. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AdminCommand, Command } from '../../domain/command.ts';
import type { Peer } from '../../domain/peer.ts';
import { Rejected } from '../../domain/rejection.ts';
import { CandidateList, PeerContents, type V1Peer } from '../../protocol/v1.ts';
import type { PeerId } from '../../values/id.ts';
import { executeAs, idOf, route } from './calls.ts';
import type { ApiDependencies } from './dependencies.ts';
import { BadRequest, parsed } from './refusal.ts';
import type { ServedPeers } from './served-peers.ts';
import { timestampOf, v1Peer } from './v1-rows.ts';

export const adminPeerRoutes = (app: FastifyInstance, deps: ApiDependencies, served: ServedPeers): void => {
  const path = '/v1/admin/peers';
  route(app, 'admin', 'GET', path, ({ caller }) => list(deps, served, caller));
  route(app, 'admin', 'POST', path, (request, reply) => add(deps, request, reply));
  route(app, 'admin', 'PUT', `${path}/:id`, (request, reply) => putBack(deps, served, request, reply));
  route(app, 'admin', 'DELETE', `${path}/:id`, async (request, reply) => {
    const peer = idOf<PeerId>(request);
    await executeAs(deps, request, { type: 'DisablePeer', peer, confirmed: true });
    reply.code(204);
  });
};

const list = ({ live, observations }: ApiDependencies, served: ServedPeers, caller: Peer): V1Peer[] => {
  const rows = Array.from(live.network.peers(), (peer) => v1Peer(peer, observations.of(peer.id)));
  served.keep(caller.id, rows);
  return rows;
};

/** Some peers, such as phones, never had an invitation. */
const additionOf = (sent: PeerContents): AdminCommand =>
  parsed(Command, {
    type: 'AddPeer',
    name: sent.name,
    cidr: sent.cidr_id,
    ip: sent.ip,
    isAdmin: sent.is_admin,
    publicKey: sent.public_key,
    inviteExpires: sent.invite_expires ? timestampOf(sent.invite_expires) : null,
    ...(sent.is_redeemed ? { redeemed: true } : {}),
    ...(sent.is_disabled ? { disabled: true } : {}),
    ...(sent.endpoint ? { endpoint: sent.endpoint } : {}),
  }) as AdminCommand;

const add = async (deps: ApiDependencies, request: FastifyRequest, reply: FastifyReply): Promise<V1Peer> => {
  const sent = parsed(PeerContents, request.body);
  const candidates = parsed(CandidateList, sent.candidates);
  const { events } = await executeAs(deps, request, additionOf(sent));
  const added = events.find((event) => event.type === 'PeerAdded');
  const peer = added && deps.live.network.peer(added.peerId);
  if (!peer) throw new Rejected({ code: 'UnknownPeer', peer: sent.name });
  if (candidates.length > 0) deps.observations.report(peer.id, candidates);
  reply.code(201);
  return v1Peer(peer, deps.observations.of(peer.id));
};

/** Only fields that differ from the served row. */
const changesTo = (peer: PeerId, had: V1Peer, sent: PeerContents): object[] => {
  const changes: object[] = [];
  if (sent.name !== had.name) changes.push({ type: 'RenamePeer', peer, name: sent.name });
  if (sent.is_admin !== had.is_admin)
    changes.push(
      sent.is_admin ? { type: 'GrantAdmin', peer } : { type: 'RevokeAdmin', peer, confirmed: true },
    );
  if (sent.is_disabled !== had.is_disabled)
    changes.push(
      sent.is_disabled ? { type: 'DisablePeer', peer, confirmed: true } : { type: 'EnablePeer', peer },
    );
  if ((sent.endpoint ?? null) !== (had.endpoint ?? null))
    changes.push(
      sent.endpoint
        ? { type: 'SetEndpointOverride', peer, endpoint: sent.endpoint }
        : { type: 'ClearEndpointOverride', peer },
    );
  return changes;
};

const rowServed = ({ live }: ApiDependencies, served: ServedPeers, caller: Peer, id: PeerId): V1Peer => {
  if (!live.network.peer(id)) throw new Rejected({ code: 'UnknownPeer', peer: id });
  const row = served.rowFor(caller.id, id);
  if (row) return row;
  throw new BadRequest(`it is not known any more which row of peer ${id} you changed`, {
    code: 'ListOutdated',
    hint: 'fetch the list again, then repeat the change',
  });
};

const putBack = async (
  deps: ApiDependencies,
  served: ServedPeers,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const id = idOf<PeerId>(request);
  const had = rowServed(deps, served, request.caller, id);
  const sent = parsed(PeerContents, request.body);
  const candidates = parsed(CandidateList, sent.candidates);
  const [only, ...more] = changesTo(id, had, sent);
  if (only) {
    const command = more.length === 0 ? only : { type: 'AllOf', commands: [only, ...more] };
    await executeAs(deps, request, parsed(Command, command));
  }
  if (candidates.join() !== had.candidates.join()) deps.observations.report(id, candidates);
  reply.code(204);
};
