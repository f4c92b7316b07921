/** What our own client sends for admins: intents instead of rows, and one look at the whole network. */
import type { FastifyInstance } from 'fastify';
import type { NetworkView } from '../../cli/plane.ts';
import type { AdminCommand } from '../../domain/command.ts';
import { CommandRequest, type Rehearsal, UndoRequest } from '../../protocol/commands.ts';
import { COMMANDS_PATH, NETWORK_PATH, UNDO_PATH } from '../../protocol/http.ts';
import { undoingOf } from '../../protocol/undoing.ts';
import { Failure } from '../../values/failure.ts';
import { timestamp } from '../commands/control-plane.ts';
import { rehearse } from '../past/rehearsal.ts';
import { type Asker, executeAs, route } from './calls.ts';
import type { Parts } from './parts.ts';
import { asRefusal } from './past.ts';
import { parsed } from './refusal.ts';

export const adminIntentRoutes = (app: FastifyInstance, parts: Parts): void => {
  route(app, 'admin', 'POST', COMMANDS_PATH, (request) => {
    const { id, command, dryRun } = parsed(CommandRequest, request.body);
    if (dryRun) return rehearseAs(parts, request, command);
    return executeAs(parts, request, command, id);
  });
  route(app, 'admin', 'POST', UNDO_PATH, async (request) => {
    const { id, undo } = parsed(UndoRequest, request.body);
    return executeAs(parts, request, await undoing(parts, undo), id);
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

const rehearseAs = (
  { live, past }: Parts,
  { caller: { id: peerId }, evidence }: Asker,
  command: AdminCommand,
): Promise<Rehearsal> =>
  past.explained(async () =>
    rehearse(live.network, live.head, command, {
      actor: { kind: 'peer', peerId },
      now: timestamp(),
      isProved: evidence !== undefined,
    }),
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
