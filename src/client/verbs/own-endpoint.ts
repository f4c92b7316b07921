/** `innernet override-endpoint`: sets this machine's endpoint for the network, whatever the server sees. */
import type * as z from 'zod';
import { Questions } from '../../cli/ask.ts';
import { sayOutcome } from '../../cli/change.ts';
import { sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import { Capabilities, type EndpointChange } from '../../protocol/v1.ts';
import { Endpoint, isUnspecified } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { addressOf } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { Api, CallRefused } from '../api/api.ts';
import { ApiPlane } from '../api/api-plane.ts';
import { readConf } from '../memory/conf-file.ts';
import { pathsOf } from '../memory/paths.ts';

export type OwnEndpointOptions = GlobalOptions & {
  endpoint?: Endpoint | undefined;
  unset?: true | undefined;
  yes?: true | undefined;
  /** Only say what would be recorded. */
  dryRun?: true | undefined;
  json?: true | undefined;
};

/** Throws a `Failure` without a fixed listen port, `Rejected` or `Failure` when the server refuses. */
export const overrideEndpoint = async (
  network: InterfaceName,
  options: OwnEndpointOptions,
): Promise<void> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  if (options.unset) {
    if (options.dryRun) return rehearse(network, options, null);
    await tell(await Api.of(network, conf, paths), { option: 'Unset' });
    const words = 'the network takes this machine to be where the server sees it';
    return sayDone({ network, changes: [words] }, options, words);
  }
  if (conf.listenPort === undefined)
    throw new Failure(
      'an endpoint that lasts needs a port that lasts, and this machine listens at any port',
      {
        hint: `first: innernet set-listen-port ${network} --listen-port 51820`,
      },
    );
  const questions = new Questions(options);
  const endpoint = await questions.text({
    flag: '--endpoint',
    question: 'Where others reach this machine (host 0.0.0.0: where the server sees it, with this port)',
    given: options.endpoint,
    schema: Endpoint,
    initial: `0.0.0.0:${conf.listenPort}`,
  });
  if (options.dryRun) return rehearse(network, options, endpoint);
  await questions.confirmIfAsked(`Tell all peers in sight that this machine is reached at ${endpoint}?`);
  await tell(await Api.of(network, conf, paths), { option: 'Set', content: endpoint });
  const words = `the network was told: this machine is reached at ${endpoint}`;
  sayDone({ network, changes: [words] }, options, words);
};

/** The expected result, from this machine's own knowledge. */
const rehearse = async (
  network: InterfaceName,
  options: OwnEndpointOptions,
  endpoint: Endpoint | null,
): Promise<void> => {
  const plane = await ApiPlane.open(network, options);
  try {
    const { conf } = pathsOf(network, options);
    const ip = addressOf((await readConf(conf, network)).address);
    const { peers, position, hash } = await plane.view();
    const own = peers.find((peer) => peer.ip === ip);
    if (!own) throw new Failure(`the server does not show this machine, ${ip}`);
    const isSo = own.endpoint === endpoint;
    const event: NetworkEvent =
      endpoint === null
        ? { type: 'EndpointOverrideCleared', peerId: own.id }
        : { type: 'EndpointOverrideSet', peerId: own.id, endpoint };
    const words =
      endpoint === null
        ? `cleared the endpoint that was set for peer ${own.name}`
        : `set the endpoint of peer ${own.name} to ${endpoint}`;
    const [events, sentences] = isSo ? [[], []] : [[event], [words]];
    const reach = { gained: [], lost: [] };
    sayOutcome({ position, hash, events, dryRun: true, sentences, reach }, options, { done: '' });
  } finally {
    await plane.close();
  }
};

const tell = async (api: Api, change: z.infer<typeof EndpointChange>): Promise<void> => {
  try {
    if (change.option === 'Set' && isUnspecified(change.content)) await mustTakeAnyHost(api, change.content);
    await api.send({ method: 'PUT', path: '/v1/user/endpoint', body: change });
  } finally {
    api.close();
  }
};

/** Servers before innernet 1.7 would pass the zeros on to all peers. */
const mustTakeAnyHost = async (api: Api, endpoint: Endpoint): Promise<void> => {
  const call = { method: 'GET', path: '/v1/user/capabilities' } as const;
  const can = await api.ask(Capabilities, call).catch((error) => {
    if (error instanceof CallRefused && error.status === 404) return undefined;
    throw error;
  });
  if (!can?.unspecified_ip_in_override_endpoint)
    throw new Failure(`this server is too old to fill in the host of ${endpoint}`, {
      hint: 'name the host or address by which others reach this machine',
    });
};
