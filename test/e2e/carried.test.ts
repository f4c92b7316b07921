// What a router's table lets through, packet by packet: by nft and wireguard-go, in both families. R75.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withCarried } from '../../src/filter/carried.ts';
import { type CarriedRoute, carriedPairs } from '../../src/filter/carried-pairs.ts';
import { scriptOf, tableName } from '../../src/filter/filter-table.ts';
import { inbound } from '../../src/filter/inbound.ts';
import { type Cidr, type Family, Ip, RecordedCidr } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { lanBehind, peerAt, type Tunnel, tunnelOn } from '../lab/lan.ts';
import { Knocker } from '../lab/packets.ts';
import { until } from '../lab/until.ts';
import { type Host, Lab } from '../lab.ts';

const device = InterfaceName.parse('acme');
const cidr = (text: string): Cidr => RecordedCidr.parse(text);

const ANN: Tunnel = { 4: '10.42.1.2', 6: 'fdac:42:0:1::2' };
const PRESS: Tunnel = { 4: '10.42.2.2', 6: 'fdac:42:0:2::2' };
/** Sees press, and is in another CIDR. */
const EVE: Tunnel = { 4: '10.42.3.2', 6: 'fdac:42:0:3::2' };

const WORLD = {
  4: {
    range: '10.42.0.0/16',
    users: '10.42.1.0/24',
    others: '10.42.3.0/24',
    lan: '192.168.72.0/24',
    host: '192.168.72.2',
    own: '192.168.72.1',
  },
  6: {
    range: 'fdac:42::/32',
    users: 'fdac:42:0:1::/64',
    others: 'fdac:42:0:3::/64',
    lan: 'fd72::/64',
    host: 'fd72::2',
    own: 'fd72::1',
  },
} as const;
const FAMILIES = [4, 6] as const;

let lab: Lab;
let ann: Host;
let press: Host;
let eve: Host;
let lan: Host;
let knockers: { ann: Knocker; eve: Knocker; lan: Knocker };
beforeAll(async () => {
  lab = await Lab.create();
  [ann, press, eve] = [await lab.host('ann'), await lab.host('press'), await lab.host('eve')];
  lan = await lanBehind(lab, press, {
    device: 'lan0',
    own: [`${WORLD[4].own}/24`, `${WORLD[6].own}/64`],
    other: [`${WORLD[4].host}/24`, `${WORLD[6].host}/64`],
  });
  knockers = {
    ann: await Knocker.start(ann),
    eve: await Knocker.start(eve),
    lan: await Knocker.start(lan, 22),
  };
  const keys = {
    ann: await tunnelOn(ann, ANN),
    press: await tunnelOn(press, PRESS),
    eve: await tunnelOn(eve, EVE),
  };
  const single = (tunnel: Tunnel) => [`${tunnel[4]}/32`, `${tunnel[6]}/128`];
  await peerAt(press, { host: ann, key: keys.ann }, single(ANN));
  await peerAt(press, { host: eve, key: keys.eve }, single(EVE));
  for (const user of [ann, eve])
    await peerAt(user, { host: press, key: keys.press }, [...single(PRESS), WORLD[4].lan, WORLD[6].lan]);
});
afterAll(() => lab?.close());

/** What the router's program would do: the table, then forwarding by single interfaces. */
const carry = async (
  family: Family,
  from: readonly string[],
  more: {
    keepSource?: boolean;
    blocks?: readonly string[];
    limited?: boolean;
    lent?: readonly string[];
  } = {},
): Promise<void> => {
  const { range, lan: block, users, others } = WORLD[family];
  const { keepSource = false, blocks = [block], limited = false, lent = ['acme', 'lan0'] } = more;
  const routes: CarriedRoute[] = [{ blocks: blocks.map(cidr), from: from.map(cidr), keepSource }];
  const pairs = carriedPairs({ range: cidr(range), routes, homes: [users, others].map(cidr), near: [] });
  const limits = inbound({
    ...{ device, range: cidr(range) },
    limited: limited ? [{ key: users, allow: [{ protocol: 'tcp', ports: [[22, 22]] }] }] : [],
  });
  const parts = withCarried(limits, {
    ...{ device, range: cidr(range), own: Ip.parse(PRESS[family]), mtu: 1280, pairs, lent },
  });
  await press.sure(['nft', '-f', '-'], { input: scriptOf({ name: tableName(device), ...parts }) });
  const name = family === 4 ? 'forwarding' : 'force_forwarding';
  for (const one of ['acme', 'lan0', 'eth0'])
    await press.sure(['sysctl', '-qw', `net.ipv${family}.conf.${one}.${name}=${lent.includes(one) ? 1 : 0}`]);
};

const PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;
const passes = async (
  user: 'ann' | 'eve',
  to: string,
  protocol: (typeof PROTOCOLS)[number],
  milliseconds: number,
): Promise<boolean> => {
  if (protocol === 'icmp') {
    const host = user === 'ann' ? ann : eve;
    return (await host.exec(['ping', '-n', '-c', '1', '-W', String(milliseconds / 1000), to])).code === 0;
  }
  return (await knockers[user].ask<{ passes: boolean }>(protocol, { to, port: 22, milliseconds })).passes;
};

const arrives = (user: 'ann' | 'eve', to: string, protocol: (typeof PROTOCOLS)[number]): Promise<void> =>
  until(`${protocol} of ${user} comes through to ${to}`, () => passes(user, to, protocol, 3_000), 60);

describe.each(FAMILIES)('IPv%i', (family) => {
  const { users, others, host, lan: block } = WORLD[family];
  const ping = family === 4 ? 'ping' : 'ping';

  it.each(PROTOCOLS)(
    '%s passes for those to whom the route is open, and not for another peer',
    async (protocol) => {
      await carry(family, [users]);
      await arrives('ann', host, protocol);
      expect(await passes('eve', host, protocol, 1_500)).toBe(false);
      await carry(family, [users, others]);
      await arrives('eve', host, protocol);
      await carry(family, []);
      expect(await passes('ann', host, protocol, 1_500)).toBe(false);
    },
  );

  it('a live connection ends with its route, both ways, and goes on with it', async () => {
    await carry(family, [users]);
    await knockers.ann.ask('open', { to: host, port: 22 });
    const says = async (text: string): Promise<boolean> => {
      await knockers.ann.ask('say', { text });
      return until(
        `${text} comes`,
        async () => (await knockers.lan.ask<{ text: string }>('heard')).text.includes(text),
        10,
      ).then(
        () => true,
        () => false,
      );
    };
    expect(await says(`open ${family}`)).toBe(true);
    const pinging = ann.spawn([ping, '-n', '-i', '0.05', host]);
    await pinging.line(/icmp_seq=3/);
    await carry(family, []);
    const before = pinging.lines.length;
    expect(await says(`closed ${family}`)).toBe(false);
    expect(pinging.lines.length - before).toBeLessThan(3);
    await pinging.stop('SIGINT');
    await carry(family, [users]);
    await until(
      'what was said comes at last',
      async () => (await knockers.lan.ask<{ text: string }>('heard')).text.includes(`closed ${family}`),
      60,
    );
    await knockers.ann.ask('hangUp');
  });

  it('a sender that WireGuard does not know by its address is not carried, nor is a host of the LAN that claims one', async () => {
    await carry(family, [users]);
    await eve.sure([
      'ip',
      'address',
      'add',
      `${ANN[family]}/${family === 4 ? 32 : 128}`,
      'dev',
      'acme',
      ...(family === 6 ? ['nodad'] : []),
    ]);
    const spoofed = await eve.exec([ping, '-n', '-c', '1', '-W', '1', '-I', ANN[family], host]);
    expect(spoofed.code).not.toBe(0);
    await eve.sure(['ip', 'address', 'del', `${ANN[family]}/${family === 4 ? 32 : 128}`, 'dev', 'acme']);
    await lan.sure([
      'ip',
      ...(family === 6 ? ['-6'] : []),
      'route',
      'replace',
      WORLD[family].range,
      'via',
      WORLD[family].own,
    ]);
    const begun = await lan.exec([ping, '-n', '-c', '1', '-W', '1', ANN[family]]);
    expect(begun.code).not.toBe(0);
    await lan.sure(['ip', ...(family === 6 ? ['-6'] : []), 'route', 'del', WORLD[family].range]);
  });

  it('nothing else is passed on: neither between other networks of the machine, nor to them', async () => {
    await carry(family, [users]);
    const outside = family === 4 ? ann.address : ann.address6;
    const gateway = WORLD[family].own;
    await lan.sure(['ip', ...(family === 6 ? ['-6'] : []), 'route', 'replace', 'default', 'via', gateway]);
    expect((await lan.exec([ping, '-n', '-c', '1', '-W', '1', outside ?? ''])).code).not.toBe(0);
    const there = family === 4 ? eve.address : eve.address6;
    await ann.sure([
      'ip',
      ...(family === 6 ? ['-6'] : []),
      'route',
      'replace',
      `${there}/${family === 4 ? 32 : 128}`,
      'dev',
      'acme',
    ]);
    expect(
      (await ann.exec([ping, '-n', '-c', '1', '-W', '1', '-I', ANN[family], there ?? ''])).code,
    ).not.toBe(0);
    await ann.sure([
      'ip',
      ...(family === 6 ? ['-6'] : []),
      'route',
      'del',
      `${there}/${family === 4 ? 32 : 128}`,
      'dev',
      'acme',
    ]);
    await lan.sure(['ip', ...(family === 6 ? ['-6'] : []), 'route', 'del', 'default']);
  });

  it('the segments of both sides fit the tunnel', async () => {
    await carry(family, [users]);
    await ann.sure(['ip', 'link', 'set', 'acme', 'mtu', '1420']);
    await knockers.ann.ask('open', { to: host, port: 22 });
    const most = 1280 - (family === 4 ? 40 : 60);
    for (const side of [ann, lan]) {
      const sizes = [...(await side.sure(['ss', '-tin'])).matchAll(/\bmss:(\d+)/g)].map(([, size]) =>
        Number(size),
      );
      expect(sizes.length).toBeGreaterThan(0);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(most);
    }
    await ann.sure(['ip', 'link', 'set', 'acme', 'mtu', '1280']);
    await knockers.ann.ask('hangUp');
  });

  it('with keep-source, hosts behind it see the peer itself', async () => {
    await carry(family, [users], { keepSource: true });
    expect(await passes('ann', host, 'icmp', 1_500)).toBe(false);
    await lan.sure([
      'ip',
      ...(family === 6 ? ['-6'] : []),
      'route',
      'replace',
      users,
      'via',
      WORLD[family].own,
    ]);
    await arrives('ann', host, 'icmp');
    await lan.sure(['ip', ...(family === 6 ? ['-6'] : []), 'route', 'del', users]);
    expect(block).toContain('72');
  });

  it('a limited peer goes through by the route, and to the machine by its limits', async () => {
    await carry(family, [users], { limited: true });
    for (const protocol of PROTOCOLS) await arrives('ann', host, protocol);
    expect(await passes('ann', PRESS[family], 'icmp', 1_500)).toBe(false);
    expect(await passes('ann', WORLD[family].own, 'icmp', 1_500)).toBe(false);
    await carry(family, [], { limited: true });
    expect(await passes('ann', host, 'tcp', 1_500)).toBe(false);
  });

  it('an exit leads outside, and not to a LAN of the router', async () => {
    const bits = family === 4 ? 32 : 128;
    const there = (family === 4 ? eve.address : eve.address6) ?? '';
    const outside = family === 4 ? '0.0.0.0/0' : '::/0';
    const key = (await press.sure(['wg', 'show', 'acme', 'public-key'])).trim();
    const others = [`${PRESS[4]}/32`, `${PRESS[6]}/128`, WORLD[4].lan, WORLD[6].lan];
    const allow = (blocks: string[]) =>
      ann.sure(['wg', 'set', 'acme', 'peer', key, 'allowed-ips', blocks.join()]);
    await allow([...others, outside]);
    const route = ['ip', ...(family === 6 ? ['-6'] : []), 'route'];
    await ann.sure([...route, 'replace', `${there}/${bits}`, 'dev', 'acme', 'src', ANN[family]]);
    await carry(family, [users], { blocks: [outside], lent: ['acme', 'eth0', 'lan0'] });
    await arrives('ann', there, 'icmp');
    expect(await passes('ann', host, 'icmp', 1_500)).toBe(false);
    await carry(family, [users], { blocks: [outside, WORLD[family].lan], lent: ['acme', 'eth0', 'lan0'] });
    await arrives('ann', host, 'icmp');
    await ann.sure([...route, 'del', `${there}/${bits}`, 'dev', 'acme']);
    await allow(others);
  });
});
