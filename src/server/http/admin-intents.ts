/** What our own client sends for admins: intents instead of rows, and one look at the whole network. */
import type { FastifyInstance } from 'fastify';
import type { NetworkView } from '../../cli/plane.ts';
import type { AdminCommand } from '../../domain/command.ts';
import type { Peer } from '../../domain/peer-table.ts';
import { CommandRequest, type Rehearsal, UndoRequest } from '../../protocol/commands.ts';
import { COMMANDS_PATH, NETWORK_PATH, UNDO_PATH } from '../../protocol/http.ts';
import { undoingOf } from '../../protocol/undoing.ts';
import { Failure } from '../../values/failure.ts';
import { timestamp } from '../commands/control-plane.ts';
import { rehearse } from '../past/rehearsal.ts';
import { executeAs, route } from './calls.ts';
import type { Parts } from './parts.ts';
import { asRefusal } from './past.ts';
import { parsed } from './refusal.ts';

export const adminIntentRoutes = (app: FastifyInstance, parts: Parts): void => {
  route(app, 'admin', 'POST', COMMANDS_PATH, ({ body, caller }) => {
    const { id, command, dryRun } = parsed(CommandRequest, body);
    if (dryRun) return rehearseAs(parts, caller, command);
    return executeAs(parts, caller, command, id);
  });
  route(app, 'admin', 'POST', UNDO_PATH, async ({ body, caller }) => {
    const { id, undo } = parsed(UndoRequest, body);
    return executeAs(parts, caller, await undoing(parts, undo), id);
  });
  route(app, 'admin', 'GET', NETWORK_PATH, () => viewOf(parts));
};

/** Planned at the same position it is the same command: a repeat gets the first answer. Throws a `BadRequest`. */
const undoing = async ({ past }: Parts, undo: UndoRequest['undo']): Promise<AdminCommand> => {
  try {
    return undoingOf(await past.ask({ ask: 'undo', ...undo }));
  } catch (error) {
    throw error instanceof Failure ? asRefusal(error) : error;
  }
};

const rehearseAs = ({ live, past }: Parts, { id: peerId }: Peer, command: AdminCommand): Promise<Rehearsal> =>
  past.explained(async () =>
    rehearse(live.network, live.head, command, { actor: { kind: 'peer', peerId }, now: timestamp() }),
  );

const viewOf = ({ live: { network, networkId, head }, unproved }: Parts): NetworkView => ({
  name: network.name,
  networkId,
  ...head,
  peers: [...network.peers()],
  cidrs: [...network.cidrs()],
  associations: [...network.associations()],
  isProofRequired: network.isProofRequired,
  unproved: unproved.rows(),
});
