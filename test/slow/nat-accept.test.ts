// Peers behind routers that let in what is unasked: such a router remembers what came too early, and gives the packets
// that follow from inside another port, as long as anything is sent. Each router has 20 ms of delay in its cable.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { associate, join, meet, type Peer, withMachines } from '../e2e/meeting.ts';
import { CLIENT, SmallNetwork } from '../e2e/small-network.ts';
import type { Router } from '../lab.ts';

let network: SmallNetwork;
beforeEach(async () => {
  network = await withMachines(await SmallNetwork.create());
});
afterEach(() => network.close());

/** What is promised: where the first round misses, the meeting does not, however busy the machine is. */
const PATIENCE = 60;

/** The way is long between the routers: only then can two packets pass each other between them. */
const pair = async (): Promise<[Router, Router, Peer, Peer]> => {
  const open = { unsolicited: 'accept', delayMs: 20 } as const;
  const [one, two] = [await network.lab.router('one', open), await network.lab.router('two', open)];
  const ann = await join(network, 'ann', { behind: one });
  return [one, two, ann, await join(network, 'ryo', { behind: two, cidr: 'machines' })];
};

const portOf = async ({ host }: Peer): Promise<string> =>
  (await host.sure(['wg', 'show', 'acme', 'listen-port'])).trim();

/** What comes unasked before anything was sent there: the router keeps the pair of ports for itself. */
const knock = async (from: Router, port: string, to: Router, toPort: string): Promise<void> => {
  const send = `s.send('x', ${toPort}, '${to.address}', () => process.exit())`;
  const script = `const s = require('dgram').createSocket('udp4'); s.bind(${port}, () => ${send})`;
  await from.sure([process.execPath, '-e', script]);
};

it('they meet when the news reach both at one moment', async () => {
  const [, , ann, ryo] = await pair();
  await meet('both routers accept', [ann, ryo], () => associate(network), PATIENCE);
});

it('they meet although the first round has missed, and somebody pings all the time', async () => {
  const [one, two, ann, ryo] = await pair();
  const ports = [await portOf(ann), await portOf(ryo)] as const;
  await knock(two, ports[1], one, ports[0]);
  const miss = async () => {
    await associate(network);
    await knock(two, ports[1], one, ports[0]);
  };
  await meet('both routers accept, after a miss', [ann, ryo], miss, PATIENCE);
  const shown = await ann.host.sure([...CLIENT, 'show', 'acme']);
  expect(shown).not.toContain('not reached');
});
