/** What every peer may ask of the API: the five calls of innernet 2.0, and the snapshots that our clients take. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { visiblePeers } from '../../domain/visibility.ts';
import { type DigestPage, MOST_CANDIDATES } from '../../protocol/frames.ts';
import { DIGESTS_PATH, MOST_DIGESTS, SNAPSHOT_PATH } from '../../protocol/http.ts';
import { CandidateList, type Capabilities, EndpointChange, Redeem, type State } from '../../protocol/v1.ts';
import { Position } from '../../values/id.ts';
import { executeAs, route } from './calls.ts';
import type { Parts } from './parts.ts';
import { costOfList, ENDPOINT_CHANGES, Quota } from './quotas.ts';
import { BadRequest, parsed } from './refusal.ts';
import { Transfers } from './transfers.ts';
import { v1Cidr, v1Peer } from './v1-rows.ts';

const CAPABILITIES: Capabilities = {
  unspecified_ip_in_override_endpoint: true,
  stream: true,
  commands: true,
};

/** `calls` is what each peer may ask in all. */
export const userRoutes = (app: FastifyInstance, parts: Parts, calls: Quota): void => {
  route(app, 'peer', 'GET', '/v1/user/capabilities', () => CAPABILITIES);
  route(app, 'redeemed', 'GET', '/v1/user/state', ({ caller }, reply) => {
    const { live, limits } = parts;
    if (calls.take(caller.id, costOfList(live.network.peerCount))) return stateFor(parts, caller.cidrId);
    limits.exceeded('calls', caller.ip);
    reply.code(429).header('retry-after', 1);
    return undefined;
  });
  route(app, 'peer', 'POST', '/v1/user/redeem', (request, reply) => redeem(parts, request, reply));
  const changes = new Quota(ENDPOINT_CHANGES);
  route(app, 'redeemed', 'PUT', '/v1/user/endpoint', (request, reply) =>
    changeEndpoint(parts, changes, request, reply),
  );
  route(app, 'redeemed', 'PUT', '/v1/user/candidates', (request, reply) =>
    reportCandidates(parts, request, reply),
  );
  const transfers = new Transfers((id) =>
    parts.limits.exceeded('transfers', parts.live.network.peer(id)?.ip),
  );
  route(app, 'redeemed', 'GET', SNAPSHOT_PATH, (request, reply) =>
    snapshot(parts, transfers, request, reply),
  );
  route(app, 'redeemed', 'GET', DIGESTS_PATH, (request) => digests(parts, request));
};

const stateFor = ({ live, observations }: Parts, cidrId: FastifyRequest['caller']['cidrId']): State => ({
  peers: Array.from(visiblePeers(live.network, cidrId), (peer) => v1Peer(peer, observations.of(peer.id))),
  cidrs: Array.from(live.network.cidrs(), v1Cidr),
});

/** A repeat with the peer's own current key is answered like the first time: that answer may have been lost. */
const redeem = async (parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const { public_key: publicKey } = parsed(Redeem, request.body);
  const { caller } = request;
  const { events } = await executeAs(parts, caller, { type: 'RedeemInvitation', publicKey });
  reply.code(204);
  if (events.length === 0) return;
  await parts.redemptions.prepared(caller.id);
  reply.header('connection', 'close');
  const { socket } = request.raw;
  // Node would close the socket with the answer still on its way; the caller's end tells that it is through.
  socket.destroySoon = () => socket.end();
  socket.once('end', () => parts.redemptions.answered(caller.id));
};

const changeEndpoint = async (
  parts: Parts,
  changes: Quota,
  { body, caller }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const change = parsed(EndpointChange, body);
  if (!changes.take(caller.id)) {
    parts.limits.exceeded('endpointChanges', caller.ip);
    throw tooManyChanges(reply, changes.wait(caller.id));
  }
  let changed = false;
  try {
    const { events } = await executeAs(
      parts,
      caller,
      change.option === 'Set'
        ? { type: 'SetEndpointOverride', peer: caller.id, endpoint: change.content }
        : { type: 'ClearEndpointOverride', peer: caller.id },
    );
    changed = events.length > 0;
  } finally {
    if (!changed) changes.giveBack(caller.id);
  }
  reply.code(204);
};

const tooManyChanges = (reply: FastifyReply, wait: number): BadRequest => {
  reply.header('retry-after', wait);
  return new BadRequest(`a peer can change its endpoint ${ENDPOINT_CHANGES.count} times a day`, {
    status: 429,
    code: 'TooManyChanges',
    hint: `try again in ${Math.ceil(wait / 60)} min`,
  });
};

const reportCandidates = (
  { observations }: Parts,
  { body, caller }: FastifyRequest,
  reply: FastifyReply,
): void => {
  if (Array.isArray(body) && body.length > MOST_CANDIDATES) {
    throw new BadRequest(`a peer can report ${MOST_CANDIDATES} candidates at most`, {
      status: 413,
      code: 'TooManyCandidates',
    });
  }
  observations.report(caller.id, parsed(CandidateList, body));
  reply.code(204);
};

const positionOf = ({ query }: FastifyRequest): number | undefined => {
  const { position } = query as { position?: unknown };
  if (position === undefined) return undefined;
  return typeof position === 'string' && /^\d{1,16}$/.test(position)
    ? parsed(Position, Number(position))
    : parsed(Position, position);
};

const snapshot = async (
  { snapshots }: Parts,
  transfers: Transfers,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const { caller } = request;
  const position = positionOf(request);
  await transfers.turn(caller.id, reply.raw);
  const members = await snapshots.of(caller.cidrId, position);
  const size = { 'content-length': members.reduce((length, member) => length + member.length, 0) };
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip', ...size });
  transfers.send(caller.id, reply.raw, members);
};

const digests = async ({ live, snapshots }: Parts, request: FastifyRequest): Promise<DigestPage> => {
  const { position: head } = live.head;
  const from = Math.min(positionOf(request) ?? head, head);
  const position = Math.min(from + MOST_DIGESTS, head);
  return { from, position, digests: await snapshots.digests(from, position) };
};
