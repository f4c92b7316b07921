/** What our own client sends for admins: intents instead of rows, and one look at the whole network. */
import type { FastifyInstance } from 'fastify';
import type { NetworkView } from '../../cli/plane.ts';
import { COMMANDS_PATH, CommandRequest, NETWORK_PATH } from '../../protocol/commands.ts';
import { executeAs, route } from './calls.ts';
import type { Parts } from './parts.ts';
import { parsed } from './refusal.ts';

export const adminIntentRoutes = (app: FastifyInstance, parts: Parts): void => {
  route(app, 'admin', 'POST', COMMANDS_PATH, ({ body, caller }) => {
    const { id, command } = parsed(CommandRequest, body);
    return executeAs(parts, caller, command, id);
  });
  route(app, 'admin', 'GET', NETWORK_PATH, () => viewOf(parts));
};

const viewOf = ({ live: { network, networkId, head } }: Parts): NetworkView => ({
  name: network.name,
  networkId,
  ...head,
  peers: [...network.peers()],
  cidrs: [...network.cidrs()],
  associations: [...network.associations()],
});
