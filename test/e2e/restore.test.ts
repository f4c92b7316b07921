// R14 on real hosts: an older copy of the log comes back under running clients, recorded at once or only afterwards.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';
import { BROKEN } from '../lab/pings.ts';
import {
  CLIENT,
  follow,
  type Host,
  missedPings,
  onDevice,
  reportOf,
  SERVER,
  SmallNetwork,
  until,
} from './small-network.ts';

const EVE = '10.42.1.3';
const scratch = mkdtempSync(join(tmpdir(), 'innernet-restore-'));
const yesterday = join(scratch, 'yesterday');
const copy = join(scratch, 'copy');

let network: SmallNetwork;
let ann: Host;
let bob: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await network.join('eve');
  await follow(ann);
  await follow(bob);
  await until('all see eve', async () => (await bothSee(EVE)) && (await onDevice(bob)).includes('10.42.1.1'));
});
afterAll(async () => {
  await network.close();
  rmSync(scratch, { recursive: true, force: true });
});

const bothSee = async (ip: string): Promise<boolean> =>
  (await Promise.all([ann, bob].map(onDevice))).every((ips) => ips.includes(ip));
const neitherSees = async (ip: string): Promise<boolean> =>
  (await Promise.all([ann, bob].map(onDevice))).every((ips) => !ips.includes(ip));

type Shown = { restored: unknown; alarm: unknown; isConnected: boolean; held: { rule: string }[] };
const bothShow = async (fits: (shown: Shown) => boolean): Promise<boolean> =>
  (await Promise.all([ann, bob].map(reportOf))).every((report) => fits(report as unknown as Shown));

it('restored by the verb: all follow, the disabled stay out until enabled, tunnels stand', async () => {
  await network.server.sure([...SERVER, 'backup', 'acme', yesterday]);
  await network.admin('disable-peer', 'acme', '--name', 'eve');
  await until('eve is gone', () => neitherSees(EVE));
  const missed = await missedPings(bob, '10.42.1.1', async () => {
    await network.stopServing();
    await network.admin('restore', 'acme', yesterday);
    await network.serve();
    await until('both have followed', () =>
      bothShow(({ restored, alarm, isConnected }) => restored !== null && alarm === null && isConnected),
    );
  });
  expect(missed).toBeLessThan(BROKEN);
  expect(await neitherSees(EVE)).toBe(true);
  expect(await bothShow(({ held }) => held.some(({ rule }) => rule === 'SeenGone'))).toBe(true);
  expect(await ann.sure([...CLIENT, 'show', 'acme'])).toContain('innernet acknowledge acme');
  await network.admin('enable-peer', 'acme', '--name', 'eve');
  await until('eve is back', () => bothSee(EVE));
  for (const host of [ann, bob])
    expect(await host.sure([...CLIENT, 'acknowledge', 'acme'])).toMatch(
      /an older copy of the history of acme/,
    );
  expect(await bothShow(({ restored, held }) => restored === null && held.length === 0)).toBe(true);
  expect((await ann.exec([...CLIENT, 'acknowledge', 'acme'])).code).toBe(1);
});

it('put back by hand with its witness: alarm, nobody comes in; said afterwards, all follow', async () => {
  const folder = '/var/lib/innernet-server';
  await network.stopServing('SIGTERM');
  await network.server.sure(['sh', '-c', `cp -a ${folder} ${shellWord(copy)}`]);
  await network.serve();
  await until('both are back', () => bothShow(({ isConnected }) => isConnected));
  await network.admin('disable-peer', 'acme', '--name', 'eve');
  await until('eve is gone', () => neitherSees(EVE));
  await network.stopServing('SIGTERM');
  await network.server.sure(['sh', '-c', `rm -r ${folder} && cp -a ${shellWord(copy)} ${folder}`]);
  await network.serve();
  await until('both raise the alarm', () => bothShow(({ alarm }) => alarm !== null));
  expect(await neitherSees(EVE)).toBe(true);
  await network.server.sure([...SERVER, 'restored', 'acme', '--yes']);
  await until('both have followed', () =>
    bothShow(({ alarm, restored, isConnected }) => alarm === null && restored !== null && isConnected),
  );
  expect(await neitherSees(EVE)).toBe(true);
  await network.admin('enable-peer', 'acme', '--name', 'eve');
  await until('eve is back', () => bothSee(EVE));
});
