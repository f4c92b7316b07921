/** `innernet override-peer-endpoint`: sets where this machine alone reaches a peer. */
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { printable } from '../../domain/rejection.ts';
import type { Conf } from '../../protocol/conf.ts';
import type { PeerRow } from '../../protocol/rows.ts';
import { Endpoint, isUnspecified } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import type { Mirror } from '../memory/mirror.ts';
import { pathsOf } from '../memory/paths.ts';
import { changeConf } from '../owner/conf-writer.ts';

export type PeerEndpointOptions = GlobalOptions &
  LocalChangeOptions & {
    /** Name or address. */
    name?: string | undefined;
    endpoint?: Endpoint | undefined;
    unset?: true | undefined;
    yes?: true | undefined;
  };

/** Throws a `Failure` when no such peer is in sight. */
export const overridePeerEndpoint = async (
  network: InterfaceName,
  options: PeerEndpointOptions,
): Promise<void> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  const { mirror } = await readState(paths, groundOf(conf));
  const questions = new Questions(options);
  const name = await questions.choice({
    flag: '--name',
    question: options.unset ? 'Peer that is reached where the network says' : 'Peer',
    given: options.name,
    choices: async () => choicesOf(mirror, conf, options),
    none: options.unset ? 'no endpoint is overridden here' : 'there is no other peer in sight',
  });
  const ip = addressNamed(name, mirror, conf, network);
  const present = conf.peerEndpointOverrides.get(ip);
  const shown = printable(name);
  if (options.unset) {
    const isSo = present === undefined;
    const change = { network, changes: isSo ? [] : [`reach "${name}" where the network says`] };
    if (isOnlySaid(change, options)) return;
    const words = `"${shown}" is reached where the network says`;
    if (isSo) return sayDone(change, options, `nothing to do: ${words}`);
    await changeConf(network, paths, { what: 'peerEndpoint', ip, endpoint: null });
    return sayDone(change, options, words);
  }
  const endpoint = await questions.text({
    flag: '--endpoint',
    question: `Where "${shown}" is reached from here`,
    given: options.endpoint,
    schema: Endpoint,
    initial: present,
  });
  if (isUnspecified(endpoint))
    throw new Failure(`${endpoint} is no place to reach a peer at`, { hint: 'name a host or an address' });
  const order = `reach "${name}" at ${endpoint} from this machine`;
  const change = { network, changes: endpoint === present ? [] : [order] };
  if (isOnlySaid(change, options)) return;
  await questions.confirmIfAsked(`Reach "${shown}" at ${endpoint} from this machine?`);
  await changeConf(network, paths, { what: 'peerEndpoint', ip, endpoint });
  sayDone(change, options, `"${shown}" is reached at ${endpoint} from this machine`);
};

const choicesOf = (
  mirror: Mirror,
  { peerEndpointOverrides }: Conf,
  { unset }: PeerEndpointOptions,
): { name: string; value: string }[] =>
  [...mirror.tunnels()]
    .filter(({ ip }) => !unset || peerEndpointOverrides.has(ip))
    .map(({ name, ip }: PeerRow) => ({ name: `${name} (${ip})`, value: ip }));

/** An overridden address may belong to a peer that left sight. */
const addressNamed = (name: string, mirror: Mirror, conf: Conf, network: string): Ip => {
  const row = [...mirror.tunnels()].find((peer) => peer.name === name || peer.ip === name);
  if (row) return row.ip;
  const ip = Ip.safeParse(name);
  if (ip.success && conf.peerEndpointOverrides.has(ip.data)) return ip.data;
  throw new Failure(`there is no other peer "${printable(name)}" in sight of this machine`, {
    hint: `see who is: innernet show ${network} --short; the server moves by: set-endpoint`,
  });
};
