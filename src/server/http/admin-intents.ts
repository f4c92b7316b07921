/** Admin routes for our own client: intents, and one view of the network. */
import type { FastifyInstance } from 'fastify';
import type { NetworkView } from '../../cli/plane.ts';
import type { AdminCommand } from '../../domain/command.ts';
import { CommandRequest, type Rehearsal, UndoRequest } from '../../protocol/commands.ts';
import { COMMANDS_PATH, LOOK_PATH, NETWORK_PATH, UNDO_PATH } from '../../protocol/http.ts';
import { type Looked, LookRequest } from '../../protocol/looking.ts';
import { undoingOf } from '../../protocol/undoing.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { timestamp } from '../commands/control-plane.ts';
import { seenRow } from '../observations/last-seen.ts';
import { relayStanding } from '../observations/relay-standing.ts';
import { explained } from '../past/explained.ts';
import { rehearse } from '../past/rehearsal.ts';
import { type Asker, executeAs, route } from './calls.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { Questions } from './questions.ts';
import { parsed } from './refusal.ts';

export const adminIntentRoutes = (
  app: FastifyInstance,
  deps: ApiDependencies,
  questions: Questions,
): void => {
  route(app, 'admin', 'POST', COMMANDS_PATH, (request) => {
    const { id, command, dryRun } = parsed(CommandRequest, request.body);
    if (dryRun) return rehearseAs(deps, request, command);
    return executeAs(deps, request, command, id);
  });
  route(app, 'admin', 'POST', UNDO_PATH, async (request) => {
    const { id, undo } = parsed(UndoRequest, request.body);
    // The plan's position makes it the same command: a repeat gets the first answer.
    const plan = await questions.value({ ask: 'undo', ...undo }, request);
    return executeAs(deps, request, undoingOf(plan), id);
  });
  route(app, 'admin', 'GET', NETWORK_PATH, () => viewOf(deps));
  route(app, 'admin', 'POST', LOOK_PATH, async (request): Promise<Looked> => {
    const { peers } = parsed(LookRequest, request.body);
    return { ways: await deps.streams.look([...new Set(peers)]) };
  });
};

const rehearseAs = (
  { live, past, observations }: ApiDependencies,
  { caller: { id: peerId }, evidence }: Asker,
  command: AdminCommand,
): Promise<Rehearsal> =>
  explained(past, async () =>
    rehearse(live.network, live.head, command, {
      actor: { kind: 'peer', peerId },
      now: timestamp(),
      isProved: evidence !== undefined,
      said: () => observations.words(),
    }),
  );

const viewOf = ({
  live: { network, networkId, head },
  unproved,
  observations,
  phonesRefused,
  streams,
  standbys,
}: ApiDependencies): NetworkView => ({
  name: network.name,
  networkId,
  ...head,
  peers: [...network.peers()],
  cidrs: [...network.cidrs()],
  associations: [...network.associations()],
  routes: [...network.routes()],
  offers: [...network.peers()].flatMap(({ id: peerId }) => {
    const { offers } = observations.of(peerId);
    return offers.length > 0 ? [{ peerId, offers: [...offers] }] : [];
  }),
  isProofRequired: network.isProofRequired,
  unproved: unproved.rows(),
  seen: [...network.peers()].flatMap(({ id }) => seenRow(id, observations.of(id).lastHandshake)),
  ...(phonesRefused() === undefined ? {} : { phonesRefused: phonesRefused() }),
  relays: network
    .relays()
    .filter(({ peer }) => peer.id !== SERVER_PEER)
    .map(({ peer: { id } }) => ({
      ...relayStanding(id, observations.consentOf(id)),
      isServing: streams.relays(id),
    })),
  standbys: standbys.report(),
  ...(network.promotion ? { promotion: network.promotion } : {}),
});
