// R33, R34: in the server's place somebody answers who has not its key: nothing is obeyed, or removals alone; pins recover.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { key } from '../client/sight.ts';
import type { Running } from '../lab.ts';
import { earIn, tellIn } from './lies.ts';
import { CLIENT, follow, type Host, onDevice, reportOf, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let daemon: Running;
let impostor: Running;
let program: string;
let folder: string;

const PROVED = '/var/lib/innernet/acme.proved';
const standing = async () => JSON.parse(await ann.sure(['cat', PROVED]));
const BOB = '10.42.1.2';
const GHOST = '10.42.1.3';

const row = (id: number, name: string, ip: string, public_key: string) => ({
  ...{ id, name, ip, public_key, cidr_id: id === 1 ? 2 : 3, endpoint: null },
  ...{ persistent_keepalive_interval: 25, is_admin: id === 1, is_disabled: false, is_redeemed: true },
  ...{ invite_expires: null, candidates: [] },
});

/** An older server at the true one's place: it shows a ghost, and not bob. */
const impersonate = async (): Promise<void> => {
  await network.stopServing();
  await rm(earIn(folder), { force: true });
  impostor = network.server.spawn([process.execPath, program, '10.42.0.1', '51820', earIn(folder)]);
  await impostor.line(/ready/);
  const keyOn = async (host: Host) => (await host.sure(['wg', 'show', 'acme', 'public-key'])).trim();
  const peers = [
    row(1, 'innernet-server', '10.42.0.1', await keyOn(network.server)),
    row(2, 'ann', '10.42.1.1', await keyOn(ann)),
    row(9, 'ghost', GHOST, key(99)),
  ];
  await tellIn(folder, { state: { peers, cidrs: [] } });
};

const goHome = async (): Promise<void> => {
  await impostor.stop('SIGKILL');
  await network.serve();
};

const isOn = (ip: string) => async () => (await onDevice(ann)).includes(ip);
const isOff = (ip: string) => async () => !(await onDevice(ann)).includes(ip);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'innernet-downgrade-'));
  const source = fileURLToPath(new URL('../client/v1-server.ts', import.meta.url));
  program = await bundleForRun(source, `test-downgrade-${process.pid}`);
  network = await SmallNetwork.create();
  const joined = await network.join('ann');
  ann = joined.host;
  expect(await ann.sure(['cat', joined.invitation])).toContain('proof = 1');
  await network.join('bob');
  daemon = await follow(ann);
  await until('bob is there', isOn(BOB));
});
afterAll(async () => {
  await network.close();
  await rm(program, { force: true });
  await rm(folder, { recursive: true });
});

it('the server has proved itself, and that is kept', async () => {
  expect(await standing()).toMatchObject({ standing: 'proves', doubt: null });
  expect(await ann.sure([...CLIENT, 'doctor', 'acme'])).toMatch(/ok +proof/);
});

it('R33: of whoever proves nothing nothing is obeyed: an alarm, and the way out', async () => {
  await impersonate();
  await daemon.line(/ALARM.*does not prove/);
  expect(await onDevice(ann)).toEqual(['10.42.0.1', BOB]);
  expect((await reportOf(ann)) as object).toMatchObject({
    server: { standing: 'proves', doubt: 'Unproved' },
  });
  expect(await ann.sure([...CLIENT, 'show', 'acme'])).toMatch(/ALARM.*\n.*acknowledge acme --older-server/);
  const doctor = await ann.exec([...CLIENT, 'doctor', 'acme']);
  expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/FAILED +proof/)]);
  const verb = await ann.exec([
    ...CLIENT,
    'rename-cidr',
    'acme',
    '--name',
    'humans',
    '--new-name',
    'x',
    '--yes',
  ]);
  expect([verb.code, verb.stderr]).toEqual([1, expect.stringMatching(/does not prove[\s\S]*--older-server/)]);
  expect(await onDevice(ann)).toEqual(['10.42.0.1', BOB]);
});

it('R33: the true server ends it by itself', async () => {
  await goHome();
  await until('the doubt is over', async () => (await standing()).doubt === null, 60);
  expect(await onDevice(ann)).toEqual(['10.42.0.1', BOB]);
});

it('R33: a verb that meets somebody else leaves the same alarm; one that meets the true server ends it', async () => {
  await daemon.stop('SIGTERM');
  await impersonate();
  const verb = [...CLIENT, 'list-cidrs', 'acme'];
  expect((await ann.exec(verb)).code).toBe(1);
  expect(await standing()).toMatchObject({ standing: 'proves', doubt: 'Unproved' });
  expect(await ann.sure([...CLIENT, 'show', 'acme'])).toMatch(/ALARM.*\n.*acknowledge acme --older-server/);
  await goHome();
  await ann.sure(verb);
  expect(await standing()).toMatchObject({ standing: 'proves', doubt: null });
  daemon = await follow(ann);
});

it('R33: where no proof was ever seen and a history is known, removals are obeyed, and nobody is let in', async () => {
  await daemon.stop('SIGTERM');
  await ann.sure(['rm', PROVED]);
  await impersonate();
  daemon = ann.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await daemon.line(/ALARM.*nobody is let in/);
  await until('bob is gone', isOff(BOB));
  expect(await onDevice(ann)).toEqual(['10.42.0.1']);
  expect(await standing()).toMatchObject({ standing: 'unknown', doubt: 'NoHistory' });
  const verb = await ann.exec([...CLIENT, 'list-cidrs', 'acme']);
  expect([verb.code, verb.stderr]).toEqual([1, expect.stringMatching(/neither proves[\s\S]*--older-server/)]);
});

it('the user can say that it is an older server: then it is followed, until one proves itself', async () => {
  await ann.sure([...CLIENT, 'acknowledge', 'acme', '--older-server']);
  await until('the ghost is let in', isOn(GHOST));
  expect(await standing()).toMatchObject({ standing: 'older', doubt: null });
});

it('R34: what it had shown keeps nobody out whom the true server shows at the same address', async () => {
  await daemon.stop('SIGTERM');
  await goHome();
  daemon = await follow(ann);
  await until(
    'bob is back, and the ghost is gone',
    async () => (await onDevice(ann)).join() === `10.42.0.1,${BOB}`,
  );
  expect(await standing()).toMatchObject({ standing: 'proves', doubt: null });
  const { host } = await network.join('carl');
  expect(await host.sure(['ip', '-brief', 'address', 'show', 'acme'])).toContain(GHOST);
  await daemon.line(/pin of "ghost".*yields/);
  await until('carl is let in', isOn(GHOST));
  expect((await reportOf(ann)).held).toEqual([]);
});
