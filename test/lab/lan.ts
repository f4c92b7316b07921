// Hosts with tunnels of plain wireguard-go between them, and a LAN behind one of them.
import type { Host, Lab } from '../lab.ts';

/** Of the tunnel, one in each family. */
export type Tunnel = { 4: string; 6: string };

/** Another host on a wire of its own, which knows no way back to peers. */
export const lanBehind = async (
  lab: Lab,
  host: Host,
  { device, own, other }: { device: string; own: string[]; other: string[] },
): Promise<Host> => {
  const behind = await lab.host(`${device} of ${host.name}`);
  const pair = ['type', 'veth', 'peer', 'name', 'eth1', 'netns', `${behind.pid}`];
  await host.sure(['ip', 'link', 'add', device, ...pair]);
  await addresses(host, device, own);
  await addresses(behind, 'eth1', other);
  await behind.sure(['ip', 'link', 'set', 'eth0', 'down']);
  return behind;
};

const addresses = async (host: Host, device: string, all: string[]): Promise<void> => {
  const lines = all.map(
    (address) => `ip address add ${address} dev ${device} ${address.includes(':') ? 'nodad' : ''}`,
  );
  await host.sure(['sh', '-c', [...lines, `ip link set ${device} up`].join('; ')]);
};

/** A device `acme` with these addresses; answers with its public key. */
export const tunnelOn = async (host: Host, tunnel: Tunnel): Promise<string> => {
  await host.sure(['wireguard-go', 'acme']);
  const script = `umask 077; wg genkey >/run/key; wg set acme listen-port 51820 private-key /run/key
ip address add ${tunnel[4]}/16 dev acme; ip address add ${tunnel[6]}/32 dev acme nodad
ip link set acme mtu 1280 up`;
  await host.sure(['sh', '-c', script]);
  return (await host.sure(['wg', 'show', 'acme', 'public-key'])).trim();
};

/** As a user that takes all that it is shown, or more. */
export const peerAt = async (
  host: Host,
  other: { host: Host; key: string },
  allowed: readonly string[],
): Promise<void> => {
  await host.sure([
    ...['wg', 'set', 'acme', 'peer', other.key, 'endpoint', `${other.host.address}:51820`],
    ...['persistent-keepalive', '1', 'allowed-ips', allowed.join()],
  ]);
  for (const block of allowed)
    if (!block.startsWith('10.42.') && !block.startsWith('fdac:42'))
      await host.sure([
        'ip',
        ...(block.includes(':') ? ['-6'] : []),
        'route',
        'replace',
        block,
        'dev',
        'acme',
      ]);
};
