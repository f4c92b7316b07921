// Server and clients killed again and again while the network changes: nothing acknowledged is lost, and tunnels stand.
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BROKEN } from '../lab/pings.ts';
import type { Running } from '../lab.ts';
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

let network: SmallNetwork;
let ann: Host;
let bob: Host;
let follows: Running;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await follow(ann);
  follows = await follow(bob);
});
afterAll(() => network.close());

/** What was acknowledged: names of CIDRs that the program said it had added. */
const added: string[] = [];

const addCidrs = async (from: number, to: number): Promise<void> => {
  for (let number = from; number < to; number += 1) {
    const name = `lab${number}`;
    const cidr = `10.42.${100 + number}.0/24`;
    const { code } = await network.server.exec([
      ...SERVER,
      'add-cidr',
      'acme',
      '--name',
      name,
      '--cidr',
      cidr,
    ]);
    if (code === 0) added.push(name);
  }
};

const names = async (): Promise<string[]> => {
  const cidrs = JSON.parse(await network.server.sure([...SERVER, 'list-cidrs', 'acme', '--json']));
  return cidrs.map(({ name }: { name: string }) => name);
};

it('server and client are killed with SIGKILL in the middle of changes', { timeout: 180_000 }, async () => {
  await until('there is a tunnel', async () => (await onDevice(bob)).includes('10.42.1.1'));
  const missed = await missedPings(bob, '10.42.1.1', async () => {
    for (let round = 0; round < 3; round += 1) {
      const changing = addCidrs(4 * round, 4 * round + 4);
      await setTimeout(50 + 170 * round);
      await network.stopServing('SIGKILL');
      await follows.stop('SIGKILL');
      await changing;
      follows = bob.spawn([...CLIENT, 'up', '--daemon', 'acme']);
      await network.serve();
    }
  });
  expect(missed).toBeLessThan(BROKEN);
  expect(added.length).toBeGreaterThan(0);
  expect(await names()).toEqual(expect.arrayContaining(added));
  await until(
    'both clients are level again',
    async () => {
      const history = (await network.server.sure([...SERVER, 'history', 'acme', '--json']))
        .trim()
        .split('\n');
      const head = JSON.parse(history.at(-1) ?? '{}').position;
      const reports = await Promise.all([ann, bob].map(reportOf));
      // A client hears of what does not concern it at the latest with the next bookmark; CIDRs concern everybody.
      return reports.every(({ isConnected, position }) => isConnected && position === head);
    },
    60,
  );
});
