// A peer whose disk is full: whoever is cut off goes all the same, the rest comes when there is space again.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Running } from '../lab.ts';
import { CLIENT, type Host, onDevice, reportOf, SmallNetwork, until } from './small-network.ts';

const JOURNAL = '/var/lib/innernet/acme.journal';

let network: SmallNetwork;
let ann: Host;
let follows: Running;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.join('bob');
  await ann.sure([
    'sh',
    '-c',
    'cd /var/lib && cp -a innernet kept && mount -t tmpfs -o size=64k tmpfs innernet && cp -a kept/. innernet && rm -r kept',
  ]);
  follows = ann.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await until('ann knows bob', async () => (await onDevice(ann)).includes('10.42.1.2'));
  // Its last block may have room for some more lines: what has none at all is an empty file.
  await until('the journal is folded', async () => (await ann.exec(['test', '-s', JOURNAL])).code === 1, 40);
  await ann.exec(['dd', 'if=/dev/zero', 'of=/var/lib/innernet/filling', 'bs=1k']);
});
afterAll(() => network.close());

const complaints = () => follows.lines.filter((line) => line.includes('cannot write'));

/** How often ann's machine has begun a connection to the server. */
const connections = async (): Promise<number> => {
  const { stdout } = await ann.exec(['nft', 'list', 'counter', 'inet', 'lab_count', 'connections']);
  return Number(/packets (\d+)/.exec(stdout)?.[1]);
};

it('says so once, obeys removals, and asks ever less often', async () => {
  await ann.sure(['nft', '-f', '-'], {
    input: `table inet lab_count {
      counter connections { }
      chain out { type filter hook output priority 0; oifname "acme" tcp flags syn / syn,ack counter name connections; }
    }\n`,
  });
  await network.admin('disable-peer', 'acme', '--name', 'bob');
  await until('bob is gone', async () => !(await onDevice(ann)).includes('10.42.1.2'));
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(complaints()).toHaveLength(1);
  expect(complaints()[0]).toMatch(/acme\.journal: .*no space left/);
  expect(await connections()).toBeLessThan(11);
});

it('comes level by itself when there is space again', async () => {
  await ann.sure(['rm', '/var/lib/innernet/filling']);
  await until(
    'ann is level',
    async () => {
      const { peers, isConnected } = await reportOf(ann);
      return isConnected && !peers.some(({ name }) => name === 'bob');
    },
    90,
  );
  expect(follows.running).toBe(true);
});
