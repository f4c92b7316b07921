// Machines with a LAN behind them, and what a machine has of rules, routes and tables: for tests of routes and exits.

import type { Host } from '../lab.ts';
import { CLIENT, type SmallNetwork, until } from './small-network.ts';

/** A host on a LAN of its own, without another network: 192.168.50.9 in the office. */
export const lanHost = async (network: SmallNetwork, name: string, address: string): Promise<Host> => {
  const host = await network.lab.host(name);
  await host.sure(['ip', '-batch', '-'], {
    input: [
      'link del eth0',
      'link add br0 type bridge mcast_snooping 0',
      'link set br0 up',
      `addr add ${address}/24 dev br0`,
    ].join('\n'),
  });
  return host;
};

/** A cable from a machine's eth1 to that LAN. */
export const plugInto = async (lan: Host, machine: Host, address: string): Promise<void> => {
  const port = `to-${machine.name}`;
  await machine.sure([
    'ip',
    'link',
    'add',
    'eth1',
    'type',
    'veth',
    'peer',
    'name',
    port,
    'netns',
    String(lan.pid),
  ]);
  await lan.sure(['ip', 'link', 'set', port, 'master', 'br0', 'up']);
  await machine.sure(['ip', '-batch', '-'], { input: `addr add ${address}/24 dev eth1\nlink set eth1 up\n` });
};

/** All that a network's routes and exits may change of a machine's kernel. */
export const kernelOf = async (host: Host): Promise<string> => {
  await until(
    'its addresses are settled',
    async () => (await host.sure(['ip', '-6', 'addr', 'show', 'tentative'])) === '',
  );
  const parts = [
    ['nft', 'list', 'ruleset'],
    ...['-4', '-6'].flatMap((family) => [
      ['ip', family, 'rule'],
      ['ip', family, 'route', 'show', 'table', 'all'],
    ]),
    [
      'sh',
      '-c',
      'sysctl -a 2>/dev/null | grep -E "forwarding|ip_forward|rp_filter|src_valid_mark|accept_ra |send_redirects"',
    ],
  ];
  const texts = [];
  for (const part of parts) {
    const { stdout } = await host.exec(part);
    texts.push(`$ ${part.join(' ')}\n${stdout.replace(/ expires \d+sec/g, '')}`);
  }
  return texts.join('\n');
};

type BlockShown = {
  block: string;
  state: string;
  by: string | null;
  standby: string[];
  reason: string | null;
};

export const routesOf = async (host: Host): Promise<{ name: string; blocks: BlockShown[] }[]> =>
  JSON.parse(await host.sure([...CLIENT, 'show', 'acme', '--json']))[0].routes;
