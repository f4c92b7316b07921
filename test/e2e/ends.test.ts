// A peer that ends over real WireGuard: cut off everywhere at its moment, though the server is dead; and let in again.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Running } from '../lab.ts';
import {
  CLIENT,
  follow,
  type Host,
  onDevice,
  reaches,
  reportOf,
  SERVER,
  SmallNetwork,
  until,
} from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let daemon: Running;

const BOB = '10.42.1.2';

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.join('bob');
  daemon = await follow(ann);
  await until('ann reaches bob', () => reaches(ann, BOB), 60);
}, 400_000);
afterAll(() => network.close());

const isThere = async (host: Host): Promise<boolean> => (await onDevice(host)).includes(BOB);

const peersOf = async (): Promise<{ name: string; isDisabled: boolean; expires?: string }[]> =>
  JSON.parse(await network.server.sure([...SERVER, 'list-peers', 'acme', '--json']));

/** Kills the server before an end that ann knows, and answers with it: a later one where the machine is slow. */
const killBeforeEnd = async (): Promise<number> => {
  for (let [verb, seconds] = ['set-expiry', 12]; ; [verb, seconds] = ['enable-peer', 2 * seconds]) {
    await network.admin(verb, 'acme', '--name', 'bob', '--expires', `${seconds}s`);
    const end = Date.parse((await peersOf()).find(({ name }) => name === 'bob')?.expires ?? '');
    const isKnown = async () =>
      JSON.stringify((await reportOf(ann)).peers).includes(new Date(end).toISOString());
    await until('ann knows the end', async () => Date.now() > end || (await isKnown()), 2 * seconds);
    await network.stopServing('SIGKILL');
    if ((await isThere(ann)) && Date.now() < end) return end;
    await network.serve();
    await until(
      'the end is recorded',
      async () => (await peersOf()).some(({ isDisabled }) => isDisabled),
      60,
    );
  }
};

it('is cut off at its end by clients, though the server was killed before', async () => {
  const end = await killBeforeEnd();
  await until('bob is off the device of ann', async () => !(await isThere(ann)), 200);
  expect(Date.now()).toBeGreaterThanOrEqual(end);
  expect(await reaches(ann, BOB)).toBe(false);
});

it('stays out when the client starts again without a server', async () => {
  await daemon.stop();
  await ann.sure([...CLIENT, 'down', 'acme']);
  daemon = ann.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await daemon.line(/up at/);
  expect(await onDevice(ann)).toEqual(['10.42.0.1']);
});

it('is recorded when the server is back, and cut off there too', async () => {
  await network.serve();
  await until('the end is recorded', async () => (await peersOf()).some(({ isDisabled }) => isDisabled));
  await until('bob is off the device of the server', async () => !(await isThere(network.server)));
  const said = await network.server.sure([...SERVER, 'history', 'acme', '--about', 'bob']);
  expect(said).toMatch(/the server cut off peer bob: its time is over/);
  expect(await network.server.sure([...SERVER, 'list-peers', 'acme'])).toMatch(/bob .* ended \d{4}-/);
  expect(await network.server.sure([...SERVER, 'state', 'acme'])).toMatch(/bob .* disabled, ended \d{4}-/);
  const why = await network.server.exec([...SERVER, 'why', 'acme', 'ann', 'bob']);
  expect(why.code).toBe(3);
  expect(why.stdout).toMatch(/the time of bob ended at [\s\S]*enable-peer .*--name bob --expires 90d/);
});

it('comes back with another end, and only with one', async () => {
  const enable = [...SERVER, 'enable-peer', 'acme', '--name', 'bob'];
  expect((await network.server.exec(enable)).stderr).toMatch(/the time of the peer "bob" ended at/);
  await network.server.sure([...enable, '--expires', '6d']);
  await until('bob is on the device of ann', () => isThere(ann), 40);
  await until('ann reaches bob', () => reaches(ann, BOB), 60);
  expect(await ann.sure([...CLIENT, 'show', 'acme'])).toMatch(/peer: bob [\s\S]*?\n {2}time ends: \d{4}-/);
  const { position } = JSON.parse(
    await network.server.sure([...SERVER, 'set-expiry', 'acme', '--default', '90d', '--json']),
  );
  expect(await network.server.sure([...SERVER, 'state', 'acme'])).toMatch(
    /bob .* ends \d{4}-[\s\S]*new peers end 90d after they are added/,
  );
  const diff = await network.server.sure([...SERVER, 'diff', 'acme', String(position - 3)]);
  expect(diff).toMatch(
    /~ bob: enabled again, ends \d{4}-[\s\S]*end of new peers\n.*90d after they are added/,
  );
  await network.admin('revert', 'acme', String(position));
  expect(await network.server.sure([...SERVER, 'state', 'acme'])).not.toMatch(/new peers end/);
  const doctor = await network.server.exec([...SERVER, 'doctor', 'acme']);
  expect(doctor.stdout).toMatch(/look +ends +the time of these peers ends within a week: bob \(/);
  await network.server.sure([...SERVER, 'set-expiry', 'acme', '--name', 'bob', '--expires', 'never']);
  expect((await network.server.exec([...SERVER, 'doctor', 'acme'])).stdout).toMatch(/ok +ends +no peer ends/);
});
