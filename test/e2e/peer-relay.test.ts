// Relays on machines of peers, while the server is none: both approvals are needed; what ends a relay ends it there; and
// when one dies, the pair goes to the next one. R48, R49.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { join as joinNetwork, meet, type Peer } from './meeting.ts';
import { CLIENT, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

const PORT = 51821;

let network: SmallNetwork;
let press: Peer;
let dove: Peer;
let ann: Peer;
let bob: Peer;

const behindRouter = async (name: string): Promise<Peer> =>
  joinNetwork(network, name, { behind: await network.lab.router(`of-${name}`, { ports: 'random' }) });

beforeAll(async () => {
  network = await SmallNetwork.create();
  press = await joinNetwork(network, 'press');
  dove = await joinNetwork(network, 'dove');
});
afterAll(() => network.close());

const says = ({ host }: Peer, ...argv: string[]): Promise<string> => host.sure([...CLIENT, ...argv]);

const standing = async (name: string): Promise<Record<string, unknown>> => {
  const relays = JSON.parse(await network.server.sure([...SERVER, 'list-relays', 'acme', '--json']));
  return relays.find((relay: { name: string }) => relay.name === name);
};

const doctor = async ({ host }: Peer): Promise<{ grade: string; found: string }> => {
  const { stdout } = await host.exec([...CLIENT, 'doctor', 'acme', '--json']);
  return JSON.parse(stdout).find(({ step }: { step: string }) => step === 'relaying');
};

const isOpen = async ({ host }: Peer): Promise<boolean> =>
  (await host.sure(['ss', '-Huln', `sport = :${PORT}`])) !== '';

/** Where the host's device sends what is for the peer. */
const endpointOf = async ({ host }: Peer, { ip }: Peer): Promise<string> => {
  const lines = (await host.sure(['wg', 'show', 'acme', 'dump'])).split('\n').map((line) => line.split('\t'));
  return lines.find(([, , , allowed]) => allowed === `${ip}/32`)?.[2] ?? '';
};

it('an admin names a machine that has not consented: it relays nothing, and everybody says what is missing', async () => {
  const said = await network.admin('set-relay', 'acme', 'press');
  expect(said).toContain('it must consent, there: innernet serve-relay acme --port 51821');
  expect(await network.server.sure([...SERVER, 'list-relays', 'acme'])).toContain(
    'waits for the consent of press',
  );
  await until('press is told', async () => (await doctor(press)).grade === 'warning');
  expect((await doctor(press)).found).toContain('it has not consented');
  expect(await says(press, 'show', 'acme')).toContain('innernet serve-relay acme --port 51821');
  expect(await isOpen(press)).toBe(false);
});

it('a machine consents that no admin has named: it relays nothing either, and says so', async () => {
  const dry = await says(dove, 'serve-relay', 'acme', '--dry-run');
  expect(dry).toContain('at UDP port 51821, if an admin names this machine a relay');
  await says(dove, 'serve-relay', 'acme', '--yes');
  expect((await doctor(dove)).found).toContain('no admin has named it a relay');
  expect(await isOpen(dove)).toBe(false);
});

it('with both, two peers behind routers that change ports meet there, and all see it', async () => {
  await says(press, 'serve-relay', 'acme', '--yes');
  await until('press relays', () => isOpen(press));
  ann = await behindRouter('ann');
  bob = await behindRouter('bob');
  await meet('by the relay at press', [ann, bob]);
  await meet('the other way', [bob, ann]);
  expect(await endpointOf(ann, bob)).toBe(`${press.host.address}:${PORT}`);
  const [report] = JSON.parse(await says(ann, 'show', 'acme', '--json'));
  const { path } = report.peers.find(({ name }: { name: string }) => name === 'bob');
  expect(path).toMatchObject({ kind: 'relayed', relay: 'press' });
  expect(await standing('press')).toMatchObject({ consents: PORT, trouble: null });
  await until('the kernel of press passes data on', async () => {
    await reaches(ann.host, bob.ip);
    return /the kernel has passed on [1-9]/.test(await says(press, 'show', 'acme'));
  });
  expect((await doctor(press)).grade).toBe('ok');
});

it('the program of the relay ends and comes back, also without the server: nothing is lost', async () => {
  await network.stopServing('SIGTERM');
  await press.running.stop('SIGKILL');
  expect(await reaches(ann.host, bob.ip, 5)).toBe(true);
  press.running = press.host.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await until('press relays again', () => isOpen(press));
  expect(await reaches(bob.host, ann.ip, 5)).toBe(true);
  await network.serve();
  await until('ann meets bob there again', () => reaches(ann.host, bob.ip));
});

it('R49: when the relay dies the pair goes on by the next one', async () => {
  await network.admin('set-relay', 'acme', 'dove');
  await until('dove relays', () => isOpen(dove));
  await until('both are heard there', async () => (await doctor(dove)).found.includes('2 peers'), 60);
  expect(await reaches(ann.host, bob.ip, 5)).toBe(true);
  const first = (await endpointOf(ann, bob)).split(':')[0];
  const [dying, other] = first === press.host.address ? [press, dove] : [dove, press];
  const traffic = ann.host.spawn(['ping', '-n', '-i', '0.1', bob.ip]);
  const start = performance.now();
  await dying.host.sure(['ip', 'link', 'set', 'eth0', 'down']);
  await until(
    'the other relay carries them',
    async () => (await endpointOf(ann, bob)).startsWith(other.host.address) && reaches(ann.host, bob.ip, 0.2),
    60,
  );
  console.log(`a relay dies, the next one carries: ${Math.round(performance.now() - start)} ms`);
  await traffic.stop('SIGINT');
  await dying.host.sure(['ip', 'link', 'set', 'eth0', 'up']);
});

it('R48: whom the log parts, relays of peers part as well, although the programs of the pair are frozen', async () => {
  expect(await reaches(ann.host, bob.ip, 5)).toBe(true);
  const frozen = [ann.running, bob.running];
  for (const running of frozen) running.kill('SIGSTOP');
  try {
    for (const name of ['press', 'dove']) await network.admin('clear-relay', 'acme', name);
    await until('the data has stopped', async () => !(await reaches(ann.host, bob.ip)));
  } finally {
    for (const running of frozen) running.kill('SIGCONT');
  }
  await until('press is no relay', async () => !(await isOpen(press)));
});
