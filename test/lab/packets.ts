// Two machines with a tunnel between them, each with a container and a LAN behind it, and what comes through.
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import type { Protocol } from '../../src/values/opening.ts';
import type { Host, Lab } from '../lab.ts';

/** From the repository's folder: the bench, too, is bundled to somewhere else. */
const PROGRAM = resolve('test/lab/knocker.js');
/** For what is to come through: a busy machine may need it. */
const OPEN_MS = 20_000;
/** For what is not. */
const CLOSED_MS = 900;

export class Knocker {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #last = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: { id: number }) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  static async start(host: Host, ...ports: number[]): Promise<Knocker> {
    const knocker = new Knocker(host.fork(PROGRAM));
    await knocker.ask('listen', { ports });
    return knocker;
  }

  ask<A>(order: string, facts: object = {}): Promise<A> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => resolve(answer as A));
      this.#child.send({ id, order, ...facts });
    });
  }
}

/** Where a packet goes once it has come out of the tunnel. */
export type Target = 'own' | 'container' | 'forwarded';
export type Knock = { protocol: Exclude<Protocol, 'any'>; port?: number; target: Target };

export type Machine = {
  host: Host;
  knocker: Knocker;
  /** Of the tunnel, and of a host behind the machine. */
  addresses: { [family in 4 | 6]: { tunnel: string; lan: string } };
};

/** The ports that answer: by the machine itself, and of the container by the machine's port. */
export const OWN_PORTS = [22, 53];
export const PUBLISHED = 8080;

/** Whether it comes through and is answered; what should is tried for longer. */
export const passes = async (
  from: Machine,
  to: Machine,
  { protocol, port = 0, target }: Knock,
  { family, isOpen }: { family: 4 | 6; isOpen: boolean },
): Promise<boolean> => {
  const { tunnel, lan } = to.addresses[family];
  const address = target === 'forwarded' ? lan : tunnel;
  const deadline = performance.now() + (isOpen ? OPEN_MS : 0);
  for (;;) {
    const milliseconds = isOpen ? 3_000 : CLOSED_MS;
    const found =
      protocol === 'icmp'
        ? (await from.host.exec(['ping', '-n', '-c', '1', '-W', String(milliseconds / 1000), address]))
            .code === 0
        : (await from.knocker.ask<{ passes: boolean }>(protocol, { to: address, port, milliseconds })).passes;
    if (found || performance.now() > deadline) return found;
  }
};

const DOCKER = `
table ip nat {
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local meta l4proto { tcp, udp } th dport ${PUBLISHED} dnat to 172.17.0.2:80
  }
}
table ip6 nat {
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local meta l4proto { tcp, udp } th dport ${PUBLISHED} dnat to [fd17::2]:80
  }
}
`;

/** Another host on a wire of its own. */
const behind = async (
  lab: Lab,
  host: Host,
  device: string,
  net: { own: string[]; other: string[] },
): Promise<Host> => {
  const other = await lab.host(`${device} of ${host.name}`);
  await host.sure([
    'ip',
    'link',
    'add',
    device,
    'type',
    'veth',
    'peer',
    'name',
    'eth1',
    'netns',
    `${other.pid}`,
  ]);
  const up = (name: string, addresses: string[], gateways: string[]): string =>
    [
      ...addresses.map(
        (address) => `ip address add ${address} dev ${name} ${address.includes(':') ? 'nodad' : ''}`,
      ),
      `ip link set ${name} up`,
      ...gateways.map(
        (gateway) =>
          `ip -${gateway.includes(':') ? 6 : 4} route add ${gateway.includes(':') ? 'fdac:42::/32' : '10.42.0.0/16'} via ${gateway}`,
      ),
    ].join('; ');
  const gateways = net.own.map((address) => address.split('/')[0] ?? '');
  await host.sure(['sh', '-c', up(device, net.own, [])]);
  await other.sure(['sh', '-c', up('eth1', net.other, gateways)]);
  return other;
};

const machine = async (lab: Lab, name: string, number: 1 | 2): Promise<Machine> => {
  const host = await lab.host(name);
  await host.sure(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  const container = await behind(lab, host, 'docker0', {
    own: ['172.17.0.1/16', 'fd17::1/64'],
    other: ['172.17.0.2/16', 'fd17::2/64'],
  });
  const lan = await behind(lab, host, 'lan0', {
    own: [`192.168.7${number}.1/24`, `fd7${number}::1/64`],
    other: [`192.168.7${number}.2/24`, `fd7${number}::2/64`],
  });
  await host.sure(['nft', '-f', '-'], { input: DOCKER });
  await Knocker.start(container, 80);
  await Knocker.start(lan, 22);
  const addresses = {
    4: { tunnel: `10.42.${number}.2`, lan: `192.168.7${number}.2` },
    6: { tunnel: `fdac:42:0:${number}::2`, lan: `fd7${number}::2` },
  };
  return { host, knocker: await Knocker.start(host, ...OWN_PORTS), addresses };
};

/** Both with wireguard-go, in both families; ann is `humans`, press is `machines`. */
export const twoMachines = async (lab: Lab): Promise<{ ann: Machine; press: Machine }> => {
  const [ann, press] = [await machine(lab, 'ann', 1), await machine(lab, 'press', 2)];
  const keys = new Map<Machine, string>();
  for (const { host, addresses } of [ann, press]) {
    await host.sure(['wireguard-go', 'acme']);
    const script = `umask 077; wg genkey >/run/key; wg set acme listen-port 51820 private-key /run/key
ip address add ${addresses[4].tunnel}/16 dev acme; ip address add ${addresses[6].tunnel}/32 dev acme nodad
ip link set acme mtu 1280 up arp on`;
    await host.sure(['sh', '-c', script]);
  }
  for (const one of [ann, press])
    keys.set(one, (await one.host.sure(['wg', 'show', 'acme', 'public-key'])).trim());
  for (const [one, other, number] of [
    [ann, press, 2],
    [press, ann, 1],
  ] as const) {
    const { tunnel } = other.addresses[4];
    const allowed = [
      `${tunnel}/32`,
      `${other.addresses[6].tunnel}/128`,
      `192.168.7${number}.0/24`,
      `fd7${number}::/64`,
    ];
    await one.host.sure([
      ...['wg', 'set', 'acme', 'peer', keys.get(other) ?? '', 'endpoint', `${other.host.address}:51820`],
      ...['allowed-ips', allowed.join()],
    ]);
    await one.host.sure([
      'sh',
      '-c',
      `ip route add ${allowed[2]} dev acme; ip -6 route add ${allowed[3]} dev acme`,
    ]);
  }
  return { ann, press };
};
