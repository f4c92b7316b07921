// A LAN behind peers: reached by those to whom it is open, through the router that is there. R79, R80.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Host } from '../lab.ts';
import { join, type Peer } from './meeting.ts';
import { kernelOf, lanHost, plugInto, routesOf } from './routed-network.ts';
import { CLIENT, follow, reaches, SmallNetwork, until } from './small-network.ts';

const OFFICE = '192.168.50.0/24';
const PRINTER = '192.168.50.9';

let network: SmallNetwork;
let printer: Host;
let [press, desk, ann]: Peer[] = [];
let before = '';

const peer = (one: Peer | undefined): Peer => {
  if (!one) throw new Error('it has not joined yet');
  return one;
};

const says = ({ host }: Peer, ...argv: string[]): Promise<string> => host.sure([...CLIENT, ...argv]);

const blockAt = async ({ host }: Peer) => (await routesOf(host))[0]?.blocks[0];

const allowed = async ({ host }: Peer): Promise<string> => host.sure(['wg', 'show', 'acme', 'allowed-ips']);

beforeAll(async () => {
  network = await SmallNetwork.create();
  printer = await lanHost(network, 'printer', PRINTER);
  press = await join(network, 'press');
  desk = await join(network, 'desk');
  await plugInto(printer, press.host, '192.168.50.1');
  await plugInto(printer, desk.host, '192.168.50.2');
  const invitation = await network.invite('ann');
  const host = await network.lab.host('ann');
  before = await kernelOf(host);
  await host.sure([...CLIENT, 'install', invitation]);
  ann = { host, ip: '', running: await follow(host) };
});
afterAll(() => network.close());

it('a route that an admin made waits for the word of its router’s machine: nothing is taken', async () => {
  const office = ['--name', 'office', '--block', OFFICE, '--router', 'press', '--for', 'humans'];
  await network.admin('add-route', 'acme', ...office);
  await network.admin('add-router', 'acme', 'office', 'desk', '--rank', '1');
  await until('ann is told', async () => (await routesOf(peer(ann).host)).length === 1);
  expect(await says(peer(ann), 'show', 'acme')).toContain(
    `route: office ${OFFICE} waits for the word of press, desk`,
  );
  expect(await peer(ann).host.sure(['ip', 'route'])).not.toContain('192.168.50');
});

it('with both words the LAN is reached, through the router of the least rank', async () => {
  await says(peer(press), 'offer-route', 'acme', OFFICE, '--yes');
  await says(peer(desk), 'offer-route', 'acme', OFFICE, '--yes');
  await until('the printer answers', () => reaches(peer(ann).host, PRINTER));
  await until('desk stands by', async () => (await blockAt(peer(ann)))?.standby.length === 1);
  expect(await says(peer(ann), 'show', 'acme')).toContain(`route: office ${OFFICE} by press (standby: desk)`);
  expect(await peer(ann).host.sure(['ip', 'route', 'show', 'proto', '105'])).toMatch(`${OFFICE} dev acme`);
});

it('closed, it is gone at once; opened again, it is there at once', async () => {
  await network.admin('close-route', 'acme', 'office', 'humans');
  await until('nothing of it is left', async () => !(await allowed(peer(ann))).includes('192.168.50'));
  await until(
    'the kernel has no route',
    async () => (await peer(ann).host.sure(['ip', 'route', 'show', 'proto', '105'])) === '',
  );
  const start = performance.now();
  await network.admin('open-route', 'acme', 'office', 'humans');
  await until('the printer answers', () => reaches(peer(ann).host, PRINTER, 0.2));
  console.log(`open-route to the first ping into the LAN: ${Math.round(performance.now() - start)} ms`);
});

/** The longest gap between answers while something is done, in ms. */
const gapDuring = async (act: () => Promise<unknown>): Promise<number> => {
  const { host } = peer(ann);
  const pinging = host.spawn(['ping', '-n', '-D', '-i', '0.05', '-W', '1', PRINTER]);
  await until(
    'pings are answered',
    async () => pinging.lines.filter((line) => line.includes('time=')).length > 10,
  );
  const seen = pinging.lines.length;
  await act();
  await until('pings are answered again', async () => pinging.lines.length > seen + 20, 60);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await pinging.stop('SIGINT');
  const times = pinging.lines.flatMap((line) =>
    line.includes('time=') ? Number(/^\[([\d.]+)\]/.exec(line)?.[1]) : [],
  );
  return Math.round(1000 * Math.max(...times.slice(1).map((time, n) => time - (times[n] ?? time))));
};

it('R79: the router’s LAN dies, and the next router carries on', async () => {
  const gap = await gapDuring(async () => {
    await peer(press).host.sure(['ip', 'link', 'set', 'eth1', 'down']);
    await until('desk carries', async () => (await blockAt(peer(ann)))?.by === 'desk', 60);
  });
  console.log(`a router's LAN dies: ${gap} ms without an answer`);
  expect(await says(peer(ann), 'show', 'acme')).toContain('by desk');
  await peer(press).host.sure(['ip', 'link', 'set', 'eth1', 'up']);
  await until(
    'press stands by',
    async () => (await blockAt(peer(ann)))?.standby.includes('press') === true,
    60,
  );
  expect((await blockAt(peer(ann)))?.by).toBe('desk');
});

it('R79: the router’s machine dies, and the next router carries on', async () => {
  const gap = await gapDuring(async () => {
    await peer(desk).host.sure(['ip', 'link', 'set', 'eth0', 'down']);
    await until('press carries', async () => (await blockAt(peer(ann)))?.by === 'press', 60);
  });
  console.log(`a router's machine dies: ${gap} ms without an answer`);
  await peer(desk).host.sure(['ip', 'link', 'set', 'eth0', 'up']);
  await until(
    'desk stands by again',
    async () => (await blockAt(peer(ann)))?.standby.includes('desk') === true,
    90,
  );
});

it('an admin moves it by a rank, and hardly a packet is lost', async () => {
  const gap = await gapDuring(async () => {
    await network.admin('rank-router', 'acme', 'office', 'press', '--rank', '5');
    await until('desk carries', async () => (await blockAt(peer(ann)))?.by === 'desk', 90);
  });
  console.log(`a planned move: ${gap} ms between two answers`);
});

it('R80: what the user’s own network overlaps is held, with the reason, until that is gone', async () => {
  const { host } = peer(ann);
  await host.sure(['ip', '-batch', '-'], {
    input: 'link add home type bridge\naddr add 192.168.50.77/24 dev home\nlink set home up\n',
  });
  await until('it is held', async () => (await blockAt(peer(ann)))?.state === 'held');
  expect(await says(peer(ann), 'show', 'acme')).toContain(`route: office ${OFFICE} held: home is in it`);
  expect(await allowed(peer(ann))).not.toContain('192.168.50');
  expect(await host.sure(['ip', 'route', 'get', PRINTER])).toContain('dev home');
  await host.sure(['ip', 'link', 'del', 'home']);
  await until('it is taken', () => reaches(host, PRINTER));
});

it('R80: a server that shows the Internet’s addresses as a route is not believed', async () => {
  const bank = ['--name', 'bank', '--block', '198.51.100.0/24', '--router', 'press', '--for', 'humans'];
  await network.admin('add-route', 'acme', ...bank);
  await until('ann is told', async () => (await routesOf(peer(ann).host)).length === 2);
  expect(await says(peer(ann), 'show', 'acme')).toContain(
    'route: bank 198.51.100.0/24 held: it is not private',
  );
  expect(await peer(ann).host.sure(['ip', 'route'])).not.toContain('198.51.100');
});

it('a machine that starts while the server is away uses its routes; with --no-routes it has none', async () => {
  const { host, running } = peer(ann);
  await network.stopServing('SIGTERM');
  await running.stop('SIGKILL');
  peer(ann).running = host.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await until('the printer answers', () => reaches(host, PRINTER));
  await peer(ann).running.stop('SIGTERM');
  peer(ann).running = host.spawn([...CLIENT, 'up', '--daemon', '--no-routes', 'acme']);
  await until('no block is left', async () => !(await allowed(peer(ann))).includes('192.168.50'));
  await until('nor a route', async () => (await host.sure(['ip', 'route', 'show', 'proto', '105'])) === '');
  await network.serve();
});

it('after down, and after a kill and down, the kernel is as before', async () => {
  const { host } = peer(ann);
  await peer(ann).running.stop('SIGTERM');
  peer(ann).running = await follow(host);
  await until('the printer answers', () => reaches(host, PRINTER));
  await says(peer(ann), 'down', 'acme');
  expect(await kernelOf(host)).toBe(before);
  await peer(ann).running.ended;
  peer(ann).running = await follow(host);
  await until('the printer answers', () => reaches(host, PRINTER));
  await peer(ann).running.stop('SIGKILL');
  await says(peer(ann), 'down', 'acme');
  expect(await kernelOf(host)).toBe(before);
});
