// A peer that names a victim's address as its own, in every way there is: what reaches the victim from all the others.
// VICTIM_CLIENTS=50 makes it a long one, as it is in `npm run torture -- STRANGER`.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Caller, type Way } from '../lab/caller.ts';
import { joinCrowd, untilEach } from './crowd.ts';
import { type Host, onDevice, SmallNetwork, until } from './small-network.ts';

const CLIENTS = Number(process.env.VICTIM_CLIENTS ?? (process.env.TORTURE_LONG ? 50 : 4));
const WATCH = CLIENTS > 10 ? 60 : 3;
/** Initiations a second that one client sends to one address at most. */
const MAX_TO_ONE = 4;

let network: SmallNetwork;
let victim: Host;
let eve: Host;
let caller: Caller;
let way: Way;
const clients: Host[] = [];

beforeAll(async () => {
  network = await SmallNetwork.create({ isCrowded: true });
  // Its calls are made by hand, as an old client's are: without proofs.
  await network.admin('waive-proof', 'acme');
  eve = (await network.join('eve')).host;
  const members = await joinCrowd(
    network,
    Array.from({ length: CLIENTS }, (_, n) => `client${n}`),
  );
  clients.push(...members.map(({ host }) => host));
  await untilEach(
    'all know each other',
    members,
    async (host) => (await onDevice(host)).length === CLIENTS + 1,
  );
  victim = await network.lab.host('victim');
  await victim.sure(['nft', '-f', '-'], {
    input: `table ip lab_count {
      set from { type ipv4_addr; flags dynamic; counter; }
      chain in { type filter hook input priority 0; meta l4proto udp update @from { ip saddr }; meta l4proto udp drop; }
    }`,
  });
  const [, key = ''] =
    /^public-key = "(.+)"$/m.exec(await eve.sure(['cat', '/etc/innernet/acme.conf'])) ?? [];
  way = { address: '10.42.1.1', server: '10.42.0.1:51820', key };
  caller = new Caller(eve);
}, 1_200_000);
afterAll(() => network.close());

/** Packets that have reached the victim, by their source. */
const arrived = async (): Promise<Map<string, number>> => {
  const text = await victim.sure(['nft', 'list', 'set', 'ip', 'lab_count', 'from']);
  return new Map(
    [...text.matchAll(/([\d.]+) counter packets (\d+)/g)].map(([, ip = '', n]) => [ip, Number(n)]),
  );
};

/** What reached the victim from the clients while `act` and some seconds went by: the most of one, and of all. */
const watched = async (what: string, act: () => Promise<unknown>): Promise<{ most: number; all: number }> => {
  const before = await arrived();
  const start = performance.now();
  await act();
  await sleep(WATCH * 1000);
  const after = await arrived();
  const seconds = (performance.now() - start) / 1000;
  const counts = clients.map(({ address }) => (after.get(address) ?? 0) - (before.get(address) ?? 0));
  const [most, all] = [Math.max(...counts), counts.reduce((sum, count) => sum + count, 0)];
  process.stderr.write(
    `victim: ${what}: ${all} packets from ${CLIENTS} clients in ${seconds.toFixed(0)} s, ${most} of one at most\n`,
  );
  expect(most).toBeLessThanOrEqual(MAX_TO_ONE * (seconds + 1));
  return { most, all };
};

const put = async (path: string, body: unknown): Promise<number> =>
  (await caller.ask({ ...way, method: 'PUT', path, body })).status;

it('candidates of a foreign address are passed on to nobody', async () => {
  const places = Array.from({ length: 10 }, (_, port) => `${victim.address}:${port + 1}`);
  const { all } = await watched('candidates', () => put('/v1/user/candidates', places));
  expect(all).toBe(0);
});

it('an endpoint that is changed as often as it may be draws a few initiations a second, and not for long', {
  timeout: 300_000,
}, async () => {
  const { all } = await watched('ten endpoints', async () => {
    for (let port = 1; port <= 10; port += 1) {
      const body = { option: 'Set', content: `${victim.address}:${port}` };
      expect(await put('/v1/user/endpoint', body)).toBe(204);
      await sleep(100);
    }
  });
  expect(all).toBeGreaterThan(0);
  const { most } = await watched('after them', async () => {});
  expect(most).toBeLessThan(MAX_TO_ONE * WATCH);
});

it('packets with a forged source aim nobody at the victim for longer either', {
  timeout: 300_000,
}, async () => {
  await watched('a forged source', async () => {
    const snat = `oifname "eth0" meta l4proto udp snat to ${victim.address}`;
    await eve.sure(['nft', '-f', '-'], {
      input: `table ip forge {\n chain out {\n type nat hook postrouting priority srcnat;\n ${snat}\n }\n }\n`,
    });
    await eve.exec(['ping', '-n', '-c', '20', '-i', '0.2', '-W', '1', '10.42.0.1']);
  });
});

it('and the others go on as ever', async () => {
  await network.admin('rename-cidr', 'acme', '--name', 'humans', '--new-name', 'people');
  const [first, last] = [clients[0] as Host, clients.at(-1) as Host];
  await until(
    'all hear of it',
    async () => {
      const shown = await Promise.all(
        [first, last].map((host) => host.sure(['cat', '/var/lib/innernet/acme.json'])),
      );
      return shown.every((text) => text.includes('people'));
    },
    60,
  );
});
