/**
 * R14 with fifty real clients, each with its program, its device and its tunnels: an older copy of the log comes back
 * under them, by hand and by the verb; they see it, obey removals, let nobody in, and follow once it is recorded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinCrowd, joinPatiently, type Member, untilEach, withEach } from '../e2e/crowd.ts';
import { CLIENT, onDevice, reportOf, SERVER, SmallNetwork, until } from '../e2e/small-network.ts';
import { answeredIn } from '../lab/pings.ts';
import type { Running } from '../lab.ts';
import { sayTried } from '../torture/seed.ts';

const CLIENTS = Number(process.env.RESTORED_CLIENTS ?? 50);
const SERVER_IP = '10.42.0.1';
const FOLDER = '/var/lib/innernet-server';
const scratch = mkdtempSync(join(tmpdir(), 'innernet-restored-'));
const [copy, yesterday] = [join(scratch, 'copy'), join(scratch, 'yesterday')];

/** Addresses are given in the order of joining. */
const ipOf = (n: number): string => `10.42.1.${n + 1}`;
const STOLEN = ipOf(CLIENTS);
const FIRED = ipOf(CLIENTS + 1);
/** The newcomer's in the history that was lost, the intruder's in the one that came back. */
const NEXT = ipOf(CLIENTS + 2);

type Shown = {
  isConnected: boolean;
  restored: unknown;
  alarm: { breach: string } | null;
  held: { name: string; rule: string }[];
};

let network: SmallNetwork;
let members: Member[];
const tried = new Map<string, number>();
const began = performance.now();
const rings: Running[] = [];

/** Says how far it is, since all of it takes minutes. */
const passed = (what: string): void => {
  process.stderr.write(`R14: ${what} after ${Math.round((performance.now() - began) / 1000)} s\n`);
};

beforeAll(async () => {
  network = await SmallNetwork.create({ isCrowded: true });
  members = await joinCrowd(
    network,
    Array.from({ length: CLIENTS }, (_, n) => `client${n}`),
  );
  await joinPatiently(network, 'stolen');
  await joinPatiently(network, 'fired');
  await devicesShow(members, [STOLEN, FIRED]);
  passed(`${CLIENTS} follow`);
}, 1_800_000);
afterAll(async () => {
  await network?.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Waits until each device has all other members, the server, and these besides. */
const devicesShow = async (alive: readonly Member[], others: readonly string[]): Promise<void> => {
  const all = [SERVER_IP, ...alive.map((one) => ipOf(members.indexOf(one))), ...others];
  const wants = new Map(
    alive.map((one) => [one.host, all.filter((ip) => ip !== ipOf(members.indexOf(one))).sort()]),
  );
  await untilEach(`devices with ${others.join(', ') || 'nobody else'}`, alive, async (host) => {
    const [has, want = []] = [await onDevice(host), wants.get(host)];
    return has.length === want.length && want.every((ip) => has.includes(ip));
  });
};

const allShow = (what: string, alive: readonly Member[], fits: (shown: Shown) => boolean): Promise<void> =>
  untilEach(what, alive, async (host) => fits((await reportOf(host)) as unknown as Shown), 240);

const heldBy = ({ held }: Shown): string[] => held.map(({ name, rule }) => `${name} ${rule}`).sort();

const isHeld = (shown: Shown, ...wanted: string[]): boolean =>
  JSON.stringify(heldBy(shown)) === JSON.stringify(wanted.sort());

/** Each pings the next, until `ringsLost` says how many were sent and had no answer. */
const startRing = async (alive: readonly Member[]): Promise<void> => {
  await withEach(alive, async (one) => {
    const next = alive[(alive.indexOf(one) + 1) % alive.length] as Member;
    const pinging = one.host.spawn(['ping', '-n', '-i', '1', ipOf(members.indexOf(next))]);
    await pinging.line(/bytes from/);
    rings.push(pinging);
  });
};

const ringsLost = async (): Promise<number> => {
  let lost = 0;
  await withEach(rings.splice(0), async (pinging) => {
    const answered = () => new Set(answeredIn(pinging.lines.join('\n')));
    const asked = Math.max(...answered());
    await until('pings go on', async () => Math.max(...answered()) > asked + 1, 60);
    await pinging.stop('SIGINT');
    const sent = asked; // what came later may be under way
    tried.set('pings round the ring', (tried.get('pings round the ring') ?? 0) + sent);
    lost += Array.from({ length: sent }, (_, n) => n + 1).filter((n) => !answered().has(n)).length;
  });
  return lost;
};

const server = (script: string): Promise<string> => network.server.sure(['sh', '-c', script]);

it('R14: put back by hand with its witness: alarm on each, removals obeyed, nothing added', {
  timeout: 1_800_000,
}, async () => {
  const alive = members.slice(0, -1);
  const last = members.at(-1) as Member;
  await startRing(alive);
  await network.stopServing('SIGTERM');
  await server(`cp -a ${FOLDER} ${copy}`);
  await network.serve();
  await allShow('all are back', members, ({ isConnected }) => isConnected);

  await network.admin('disable-peer', 'acme', '--name', 'stolen');
  await network.admin('delete-peer', 'acme', '--name', 'fired');
  await joinPatiently(network, 'newcomer');
  await devicesShow(members, [NEXT]);
  passed('all know what will be lost');

  await network.stopServing('SIGTERM');
  await server(`rm -r ${FOLDER} && cp -a ${copy} ${FOLDER}`);
  await network.serve();
  await allShow('all raise the alarm', members, ({ alarm }) => alarm?.breach === 'ServerBehind');
  await devicesShow(members, []);
  tried.set('alarms', members.length);
  passed('all have raised the alarm');

  await joinPatiently(network, 'intruder');
  await network.admin('disable-peer', 'acme', '--name', last.name);
  await devicesShow(alive, []);
  await until(`${last.name} hears it`, async () => (await onDevice(last.host)).join() === SERVER_IP, 60);
  for (const { host } of alive.slice(0, 3)) expect(await onDevice(host)).not.toContain(NEXT);
  passed('a removal was obeyed, and nobody let in');
});

it('R14: recorded, all follow untouched, what was gone stays out until enabled, no ping is lost', {
  timeout: 1_800_000,
}, async () => {
  const alive = members.slice(0, -1);
  await network.server.sure([...SERVER, 'restored', 'acme', '--yes']);
  await allShow(
    'all have followed',
    alive,
    (shown) =>
      shown.alarm === null &&
      shown.restored !== null &&
      shown.isConnected &&
      isHeld(shown, 'fired SeenGone', 'intruder KeyChanged', 'stolen SeenGone'),
  );
  await devicesShow(alive, []);
  tried.set('followed after it was recorded', alive.length);
  passed('all have followed');

  await network.admin('enable-peer', 'acme', '--name', 'stolen');
  await devicesShow(alive, [STOLEN]);
  await withEach(alive, ({ host }) => host.sure([...CLIENT, 'acknowledge', 'acme']));
  await allShow(
    'none has a notice left',
    alive,
    (shown) => shown.restored === null && isHeld(shown, 'fired SeenGone', 'intruder KeyChanged'),
  );
  tried.set('acknowledged', alive.length);
  passed('all have acknowledged');
  expect(await ringsLost()).toBe(0);
});

it('R14: restored by the verb: all follow, the disabled stay out until enabled, no ping is lost', {
  timeout: 1_800_000,
}, async () => {
  const alive = members.slice(0, -1);
  await startRing(alive);
  await network.server.sure([...SERVER, 'backup', 'acme', yesterday]);
  await network.admin('disable-peer', 'acme', '--name', 'stolen');
  await devicesShow(alive, []);
  await network.stopServing();
  await network.admin('restore', 'acme', yesterday);
  await network.serve();
  await allShow(
    'all have followed the verb',
    alive,
    (shown) =>
      shown.alarm === null &&
      shown.restored !== null &&
      shown.isConnected &&
      heldBy(shown).includes('stolen SeenGone'),
  );
  await devicesShow(alive, []);
  await network.admin('enable-peer', 'acme', '--name', 'stolen');
  await devicesShow(alive, [STOLEN]);
  tried.set('followed the verb', alive.length);
  expect(await ringsLost()).toBe(0);
  for (const { running } of alive) expect(running.running).toBe(true);
  tried.set('s in all', Math.round((performance.now() - began) / 1000));
  sayTried('R14, real programs', tried);
});
