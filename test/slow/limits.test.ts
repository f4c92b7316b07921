// Limits by packets: what a table lets through is what the rules say, for each protocol, side, family and target.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openings } from '../../src/domain/limits.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { droppedIn, type FilterTable, scriptOf, tableName } from '../../src/filter/filter-table.ts';
import { inbound } from '../../src/filter/inbound.ts';
import type { CidrId } from '../../src/values/id.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { type Allow, allows, allowsText, type Opening } from '../../src/values/opening.ts';
import { acme, associated, associationId, cidr, ids } from '../acme.ts';
import { networkOf } from '../given.ts';
import { type Knock, type Machine, OWN_PORTS, PUBLISHED, passes, twoMachines } from '../lab/packets.ts';
import { until } from '../lab/until.ts';
import { Lab } from '../lab.ts';

const FLIPS = Number(process.env.FLIPS ?? 1000);

const device = InterfaceName.parse('acme');
const name = tableName(device);

let lab: Lab;
let ann: Machine;
let press: Machine;
beforeAll(async () => {
  lab = await Lab.create();
  ({ ann, press } = await twoMachines(lab));
}, 120_000);
afterAll(() => lab.close());

const networkWith = (allow: Opening[]) => {
  const limited: NetworkEvent = { type: 'AssociationLimited', associationId: associationId(1), allow };
  return networkOf(acme.network, associated(ids.humans, ids.machines), limited);
};

const ranges = { 4: cidr('10.42.0.0/16'), 6: cidr('fdac:42::/48') };
const blocks = {
  4: new Map([
    [ids.humans, '10.42.1.0-10.42.1.255'],
    [ids.machines, '10.42.2.0-10.42.2.255'],
  ]),
  6: new Map([
    [ids.humans, 'fdac:42:0:1::-fdac:42:0:1:ffff:ffff:ffff:ffff'],
    [ids.machines, 'fdac:42:0:2::-fdac:42:0:2:ffff:ffff:ffff:ffff'],
  ]),
};

/** What the rules let those of one CIDR begin towards those of the other. */
const allowed = (allow: Opening[], from: CidrId, to: CidrId): Allow[] => {
  const found = openings(networkWith(allow), from, to);
  if (!Array.isArray(found)) throw new Error('not limited');
  return found;
};

const tableOf = (family: 4 | 6, from: CidrId, allow: Allow[]): FilterTable => ({
  name,
  ...inbound({ device, range: ranges[family], limited: [{ key: blocks[family].get(from) ?? '', allow }] }),
});

const put = (machine: Machine, table: FilterTable): Promise<string> =>
  machine.host.sure(['nft', '-f', '-'], { input: scriptOf(table) });
const clear = (machine: Machine): Promise<string> => put(machine, { name, chains: [] });

const KNOCKS: Knock[] = [
  ...(['tcp', 'udp'] as const).flatMap((protocol) => [
    ...OWN_PORTS.map((port): Knock => ({ protocol, port, target: 'own' })),
    { protocol, port: PUBLISHED, target: 'container' } as const,
    { protocol, port: 22, target: 'forwarded' } as const,
  ]),
  { protocol: 'icmp', target: 'own' },
  { protocol: 'icmp', target: 'forwarded' },
];

const knockText = ({ protocol, port, target }: Knock): string => `${protocol} ${port ?? ''} ${target}`;

/** Which of all knocks come through, and which should. */
const compare = async (from: Machine, to: Machine, family: 4 | 6, allow: readonly Allow[] | 'all') => {
  const isOpen = (knock: Knock) => allow === 'all' || allows(allow, knock);
  const found = await Promise.all(
    KNOCKS.map(async (knock) => {
      const does = await passes(from, to, knock, { family, isOpen: isOpen(knock) });
      return `${knockText(knock)}: ${does}`;
    }),
  );
  expect(found).toEqual(KNOCKS.map((knock) => `${knockText(knock)}: ${isOpen(knock)}`));
};

const CASES: Opening[][] = [
  [],
  [
    { from: ids.humans, protocol: 'tcp', ports: [[22, 22]] },
    { from: ids.humans, protocol: 'icmp' },
  ],
  [
    { from: ids.humans, protocol: 'tcp', ports: [[8000, 8100]] },
    {
      from: ids.machines,
      protocol: 'udp',
      ports: [
        [22, 22],
        [53, 53],
      ],
    },
  ],
  [
    { from: ids.humans, protocol: 'udp' },
    { from: ids.machines, protocol: 'any' },
  ],
  [
    { from: ids.machines, protocol: 'icmp' },
    {
      from: ids.machines,
      protocol: 'tcp',
      ports: [
        [53, 53],
        [8080, 8080],
      ],
    },
  ],
];

describe.each([4, 6] as const)('IPv%i: what comes through is what the rules say', (family) => {
  it('everything without a limit', async () => {
    await compare(ann, press, family, 'all');
    await compare(press, ann, family, 'all');
  });

  it.each(
    CASES.map((allow) => {
      const [there, back] = [
        allowed(allow, ids.humans, ids.machines),
        allowed(allow, ids.machines, ids.humans),
      ];
      return { there, back, words: `there ${allowsText(there)}, back ${allowsText(back)}` };
    }),
  )('$words', async ({ there, back }) => {
    await put(press, tableOf(family, ids.humans, there));
    await put(ann, tableOf(family, ids.machines, back));
    await compare(ann, press, family, there);
    await compare(press, ann, family, back);
    await Promise.all([clear(ann), clear(press)]);
  });
});

const SSH: Allow[] = [
  { protocol: 'tcp', ports: [[22, 22]] },
  { protocol: 'udp', ports: [[53, 53]] },
];
const CONTROL: Allow[] = [{ protocol: 'udp', ports: [[53, 53]] }];

/** What was sent before an answer to this came in has arrived or was dropped. */
const drained = async (): Promise<void> => {
  const control: Knock = { protocol: 'udp', port: 53, target: 'own' };
  expect(await passes(ann, press, control, { family: 4, isOpen: true })).toBe(true);
};

const heard = async (): Promise<string> => (await press.knocker.ask<{ text: string }>('heard')).text;
const address = (): string => press.addresses[4].tunnel;

it('a live connection falls silent with its rule, and goes on when the rule comes back', async () => {
  await put(press, tableOf(4, ids.humans, SSH));
  await ann.knocker.ask('open', { to: address(), port: 22 });
  await ann.knocker.ask('say', { text: 'before' });
  await until('it is heard', async () => (await heard()).endsWith('before'));
  await put(press, tableOf(4, ids.humans, CONTROL));
  await ann.knocker.ask('say', { text: 'after' });
  await drained();
  expect(await heard()).not.toContain('after');
  await put(press, tableOf(4, ids.humans, SSH));
  await until('it goes on', async () => (await heard()).endsWith('after'), 60);
  await ann.knocker.ask('hangUp');
  await drained();
  await clear(press);
});

const flush = (machine: Machine): Promise<string> => machine.host.sure(['nft', 'flush', 'ruleset']);

describe('what was under way before this machine tracked connections', () => {
  const answered = async (how: 'writeBack' | 'callBack', text: string): Promise<void> => {
    await press.knocker.ask(how, { text });
    const heardBack = async () => (await ann.knocker.ask<{ text: string }>('heardBack')).text;
    await until('the answer arrives', async () => (await heardBack()).includes(text));
  };
  const first: FilterTable = {
    name,
    ...inbound({
      device,
      range: ranges[4],
      limited: [{ key: blocks[4].get(ids.humans) ?? '', allow: CONTROL }],
      isFirst: true,
    }),
  };

  it('counts as begun by the peer: TCP', async () => {
    await flush(press);
    await ann.knocker.ask('open', { to: address(), port: 22 });
    await put(press, tableOf(4, ids.humans, CONTROL));
    await answered('writeBack', 'a long download');
    await ann.knocker.ask('say', { text: 'while limited' });
    await drained();
    expect(await heard()).not.toContain('while limited');
    await clear(press);
    await ann.knocker.ask('hangUp');
    await drained();
  });

  it('counts as begun by the peer: UDP', async () => {
    await flush(press);
    await ann.knocker.ask('openUdp', { to: address(), port: 22 });
    await put(press, first);
    await answered('callBack', 'a long call');
    await ann.knocker.ask('sayUdp', { text: 'flood 7000000' });
    await drained();
    const { numbers } = await press.knocker.ask<{ numbers: number[] }>('seen', { from: 7e6, to: 7e6 });
    expect(numbers).toEqual([]);
    await clear(press);
  });
});

it.each([4, 6] as const)('IPv%i: errors pass, of what either side began', async (family) => {
  await put(press, tableOf(family, ids.humans, CONTROL));
  const closed = { to: ann.addresses[family].tunnel, port: 9, milliseconds: 20_000 };
  expect(await press.knocker.ask('isRefused', closed)).toMatchObject({ passes: true });
  const errors = async (): Promise<number> => {
    const snmp = await ann.host.sure(['sh', '-c', 'cat /proc/net/snmp6; nstat -saz IcmpOutDestUnreachs']);
    const [, count] =
      (family === 4 ? /IcmpOutDestUnreachs +(\d+)/ : /Icmp6OutDestUnreachs\s+(\d+)/).exec(snmp) ?? [];
    return Number(count);
  };
  const before = await errors();
  const knock: Knock = { protocol: 'udp', port: 53, target: 'own' };
  expect(await passes(ann, press, knock, { family, isOpen: true })).toBe(true);
  await press.knocker.ask('callBack', { text: 'to a port that is closed again' });
  await until('ann says so', async () => (await errors()) > before);
  expect(await passes(ann, press, knock, { family, isOpen: true })).toBe(true);
  expect(droppedIn(await press.host.sure(['nft', 'list', 'table', 'inet', name]))).toBe(0);
  await clear(press);
});

describe('beside the tables of others, made before and after ours', () => {
  const foreign = (kind: string): string =>
    readFileSync(new URL(`../filter/foreign/${kind}.nft`, import.meta.url), 'utf8');
  const allow: Allow[] = [
    {
      protocol: 'tcp',
      ports: [
        [22, 22],
        [53, 53],
        [PUBLISHED, PUBLISHED],
      ],
    },
  ];
  const tcp = (port: number, target: Knock['target'] = 'own'): Knock => ({ protocol: 'tcp', port, target });
  const SSH_ALONE = [tcp(22)];

  it.each([
    ['ufw', 'before', SSH_ALONE],
    ['ufw', 'after', SSH_ALONE],
    ['firewalld', 'before', SSH_ALONE],
    ['firewalld', 'after', SSH_ALONE],
    ['docker', 'before', [tcp(22), tcp(53), tcp(PUBLISHED, 'container')]],
    ['docker', 'after', [tcp(22), tcp(53), tcp(PUBLISHED, 'container')]],
  ])('%s, %s', async (kind, when, open) => {
    await flush(press);
    const ours = () => put(press, tableOf(4, ids.humans, allow));
    if (when === 'after') await ours();
    await press.host.sure(['nft', '-f', '-'], { input: foreign(kind) });
    if (when === 'before') await ours();
    const knocks = [...KNOCKS, tcp(PUBLISHED, 'container')];
    const found: Knock[] = [];
    for (const knock of knocks) {
      const isOpen = open.some((one) => knockText(one) === knockText(knock));
      if (await passes(ann, press, knock, { family: 4, isOpen })) found.push(knock);
    }
    expect(new Set(found.map(knockText))).toEqual(new Set(open.map(knockText)));
    await put(press, tableOf(4, ids.humans, []));
    for (const knock of open)
      expect(await passes(ann, press, knock, { family: 4, isOpen: false })).toBe(false);
    await flush(press);
  });
});

it(`${FLIPS} times closed and opened under traffic of one flow: nothing that was sent while closed comes in`, {
  timeout: FLIPS * 2_000 + 60_000,
}, async () => {
  const [closed, open] = [tableOf(4, ids.humans, CONTROL), tableOf(4, ids.humans, [{ protocol: 'udp' }])];
  const sent = async (): Promise<number> => (await ann.knocker.ask<{ number: number }>('sent')).number;
  const seen = async (from: number, to: number): Promise<number[]> =>
    (await press.knocker.ask<{ numbers: number[] }>('seen', { from, to })).numbers;
  await put(press, open);
  await ann.knocker.ask('flood', { to: address(), port: 22 });
  for (let flip = 0; flip < FLIPS; flip += 1) {
    const opened = await sent();
    await until('it is open', async () => (await seen(opened + 1, 1e12)).length > 0);
    await put(press, closed);
    const first = (await sent()) + 1;
    await until('some are sent', async () => (await sent()) > first + 10);
    const last = await sent();
    await drained();
    expect(await seen(first, last)).toEqual([]);
    await put(press, open);
  }
  await clear(press);
});
