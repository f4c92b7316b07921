/** The verb set-endpoint: the server's outside endpoint, for a server that moves. */
import type { Command } from 'commander';
import { Endpoint } from '../values/endpoint.ts';
import { SERVER_PEER } from '../values/id.ts';
import { hasTerminal, Questions } from './ask.ts';
import { addChangeOptions, change } from './change.ts';
import { type ChangeOptions, flag } from './options.ts';
import type { Plane } from './plane.ts';
import { actsOn, networkVerb, type Open } from './program.ts';

type EndpointOptions = ChangeOptions & { endpoint?: Endpoint };

const presentEndpoint = async (plane: Plane): Promise<string | undefined> =>
  (await plane.view()).peers.find(({ id }) => id === SERVER_PEER)?.endpoint ?? undefined;

const setEndpoint = async (plane: Plane, options: EndpointOptions): Promise<void> => {
  const questions = new Questions(options);
  const asks = options.endpoint === undefined && hasTerminal();
  const endpoint = await questions.text({
    flag: '--endpoint',
    question: 'Where the server is reached',
    given: options.endpoint,
    schema: Endpoint,
    initial: asks ? await presentEndpoint(plane) : undefined,
  });
  await questions.confirmIfAsked(`Tell every peer that the server is reached at ${endpoint}?`);
  await change(plane, { type: 'ChangeServerEndpoint', endpoint }, options, {
    done: `the server is reached at ${endpoint}: connected peers know at once`,
    already: `the server is reached at ${endpoint}`,
  });
};

export const addEndpointVerb = (program: Command, open: Open): void => {
  const set = networkVerb(program, 'set-endpoint', {
    summary: 'change where peers reach the server (to move a listen port, forward it)',
    examples: [
      'set-endpoint acme --endpoint vpn.example.org:51820',
      "set-endpoint acme -e '[2001:db8::1]:51820'",
    ],
  }).addOption(flag('-e, --endpoint <host:port>', 'DNS name or address, and port', Endpoint));
  actsOn<EndpointOptions>(addChangeOptions(set), open, setEndpoint);
};
