/** Routes for every peer: the five calls of innernet 2.0, and snapshots. */
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { unprovedRights } from '../../domain/proofs.ts';
import { viewOf } from '../../domain/views.ts';
import { visiblePeers } from '../../domain/visibility.ts';
import { CAN } from '../../protocol/can.ts';
import { MAX_CANDIDATES } from '../../protocol/frames.ts';
import { DIGESTS_PATH, MAX_DIGESTS, REDEEM_PATH, SNAPSHOT_PATH } from '../../protocol/http.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import { CandidateList, type Capabilities, EndpointChange, Redeem, type State } from '../../protocol/v1.ts';
import { Position } from '../../values/id.ts';
import { wordOfCan } from '../stream/word-of-can.ts';
import { accountOf, executeAs, route } from './calls.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Door } from './door.ts';
import { costOfList, ENDPOINT_CHANGES, Quota } from './quotas.ts';
import { BadRequest, parsed } from './refusal.ts';
import { Transfers } from './transfers.ts';
import { v1Cidr, v1Peer } from './v1-rows.ts';

const CAPABILITIES = {
  unspecified_ip_in_override_endpoint: true,
  stream: true,
  commands: true,
  can: [...CAN],
} satisfies Capabilities;

export const userRoutes = (app: FastifyInstance, deps: ApiDependencies, door: Door): void => {
  route(app, 'peer', 'GET', '/v1/user/capabilities', ({ caller }) => ({
    ...CAPABILITIES,
    proof_required: unprovedRights(deps.live.network, caller) !== 'all',
    now: Date.now(),
  }));
  route(app, 'redeemed', 'GET', '/v1/user/state', ({ caller, evidence }, reply) => {
    const cost = costOfList(deps.live.network.peerCount);
    if (door.charge({ peer: caller, evidence }, cost)) return stateFor(deps, caller);
    reply.code(429).header('retry-after', 1);
    return undefined;
  });
  route(app, 'redeeming', 'POST', REDEEM_PATH, (request, reply) => redeem(deps, request, reply));
  const changes = new Quota<string>(ENDPOINT_CHANGES);
  route(app, 'redeemed', 'PUT', '/v1/user/endpoint', (request, reply) =>
    changeEndpoint(deps, changes, request, reply),
  );
  route(app, 'redeemed', 'PUT', '/v1/user/candidates', (request, reply) =>
    reportCandidates(deps, request, reply),
  );
  const transfers = new Transfers<string>((account) => deps.limits.exceeded('transfers', account));
  route(app, 'redeemed', 'GET', SNAPSHOT_PATH, (request, reply) =>
    snapshot(deps, { transfers, door }, request, reply),
  );
  route(app, 'redeemed', 'GET', DIGESTS_PATH, (request, reply) => digests(deps, request, reply));
};

/** Neither limited pairs nor phones: who asks may be a program that knows nothing of them. */
const stateFor = ({ live, observations }: ApiDependencies, caller: FastifyRequest['caller']): State => ({
  peers: Array.from(visiblePeers(live.network, viewOf(live.network, caller, 'old')), (peer) =>
    v1Peer(peer, observations.of(peer.id)),
  ),
  cidrs: Array.from(live.network.cidrs(), v1Cidr),
});

/** A repeat with the current key gets the first answer, which may have been lost. */
const redeem = async (deps: ApiDependencies, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const { public_key: publicKey, signing_key: signingKey } = parsed(Redeem, request.body);
  const { caller, evidence } = request;
  if (evidence && !deps.proofs.isPossessed(evidence, publicKey))
    throw new BadRequest('the request does not prove that its sender has the new key', {
      code: 'NotPossessed',
    });
  const { events } = await executeAs(deps, request, { type: 'RedeemInvitation', publicKey, signingKey });
  reply.code(204);
  if (events.length === 0) return;
  await deps.sessions.prepared();
  reply.header('connection', 'close');
  const { socket } = request.raw;
  // Node would close before delivery; the caller's end confirms delivery.
  socket.destroySoon = () => socket.end();
  socket.once('end', () => deps.sessions.answered(caller.id));
};

const changeEndpoint = async (
  deps: ApiDependencies,
  changes: Quota<string>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const { body, caller } = request;
  const change = parsed(EndpointChange, body);
  const account = accountOf(request);
  if (!changes.take(account)) {
    deps.limits.exceeded('endpointChanges', account);
    throw tooManyChanges(reply, changes.wait(account));
  }
  let changed = false;
  try {
    const { events } = await executeAs(
      deps,
      request,
      change.option === 'Set'
        ? { type: 'SetEndpointOverride', peer: caller.id, endpoint: change.content }
        : { type: 'ClearEndpointOverride', peer: caller.id },
    );
    changed = events.length > 0;
  } finally {
    if (!changed) changes.giveBack(account);
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
  { observations }: ApiDependencies,
  { body, caller }: FastifyRequest,
  reply: FastifyReply,
): void => {
  if (Array.isArray(body) && body.length > MAX_CANDIDATES) {
    throw new BadRequest(`a peer can report ${MAX_CANDIDATES} candidates at most`, {
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

const canOf = ({ query }: FastifyRequest): string | undefined => {
  const { can } = query as { can?: unknown };
  return typeof can === 'string' ? can : undefined;
};

const snapshot = async (
  { snapshots, live }: ApiDependencies,
  { transfers, door }: { transfers: Transfers<string>; door: Door },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Readable> => {
  const { caller } = request;
  const position = positionOf(request);
  const account = accountOf(request);
  await transfers.turn(account, reply.raw);
  const view = viewOf(live.network, caller, wordOfCan(canOf(request)));
  const members = await snapshots.of(view, position);
  const proof = door.proofOf(request.raw, () => ({ status: 200, parts: members, encoding: 'gzip' }));
  if (proof !== undefined) reply.header(PROOF_HEADER, proof);
  reply.headers({
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    'content-length': members.reduce((sum, { length }) => sum + length, 0),
  });
  return transfers.bytesFor(
    account,
    reply.raw,
    members.map(({ bytes }) => bytes),
  );
};

const digests = async (
  { live, digests: pages }: ApiDependencies,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Buffer> => {
  const { position: head } = live.head;
  const from = Math.min(positionOf(request) ?? head, head);
  const position = Math.min(from + MAX_DIGESTS, head);
  const items = await pages.between(from, position);
  reply.header('content-type', 'application/json; charset=utf-8');
  return Buffer.concat([Buffer.from(`{"from":${from},"position":${position},"digests":[`), ...items, END]);
};

const END = Buffer.from(']}');
