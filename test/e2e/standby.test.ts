// A standby as real programs over real WireGuard: either side is killed or frozen again and again, and what was
// acknowledged is on the standby's disk.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Running } from '../lab.ts';
import { diceOf, roundsOr, sayTried, seed } from '../torture/seed.ts';
import { follow, type Host, SERVER, SmallNetwork, until } from './small-network.ts';

const dice = diceOf(seed);
const LOG = '/var/lib/innernet-server/acme.events';
const ALONE = /recorded on the server alone/;

let network: SmallNetwork;
let ann: Host;
let following: Running;
let number = 0;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await follow(ann);
  await network.admin('name-standby', 'acme', 'ann');
  await network.server.sure([...SERVER, 'kit', 'acme', '--save', '/root/acme.kit', '--yes'], {
    env: { INNERNET_KIT_PASSPHRASE: 'correct horse battery staple' },
  });
  const kit = await network.server.sure(['cat', '/root/acme.kit']);
  await ann.sure(['sh', '-c', 'cat > /root/acme.kit; chmod 600 /root/acme.kit'], { input: kit });
  following = await stand('--of', '/root/acme.kit');
});
afterAll(() => network.close());

const stand = async (...flags: string[]): Promise<Running> => {
  const running = ann.spawn([...SERVER, 'standby', 'acme', ...flags]);
  await running.line(/follows acme/);
  return running;
};

type Row = { position: number; hash: string; body: string };

/** In SQLite's own words: the programs under test are not asked. */
const READ = `
  const db = new (require(process.argv[1]))(process.argv[2], { readonly: true });
  process.stdout.write(JSON.stringify(db.prepare('SELECT position, commit_end, id, command_id, type, recorded_at, actor, body, hex(salt), digest, hash FROM events ORDER BY position').all()));`;
const SQLITE = createRequire(import.meta.url).resolve('better-sqlite3');

const rowsOn = async (host: Host): Promise<Row[]> =>
  JSON.parse(await host.sure([process.execPath, '-e', READ, SQLITE, LOG]));

const standing = async () => {
  const view = await network.server.exec(['cat', '/var/lib/innernet-server/acme.standing']);
  return view.code === 0 ? JSON.parse(view.stdout) : undefined;
};
const isLevel = async (): Promise<boolean> => (await standing())?.isAnyLevel === true;

/** Adds a CIDR; `kept`: acknowledged, and not by the server alone. */
const add = async (): Promise<{ name: string; kept: boolean }> => {
  number += 1;
  const name = `lab${number}`;
  const cidr = `10.42.${2 + (number >> 4)}.${(number % 16) * 16}/28`;
  const { code, stderr } = await network.server.exec([
    ...SERVER,
    ...['add-cidr', 'acme', '--name', name, '--cidr', cidr, '--yes'],
  ]);
  return { name, kept: code === 0 && !ALONE.test(stderr) };
};

const isOn = async (host: Host, name: string): Promise<boolean> =>
  (await rowsOn(host)).some(({ body }) => body.includes(`"name":"${name}"`));

/** Every record of the standby is the server's at that position. */
const expectPrefix = async (): Promise<number> => {
  const copy = await rowsOn(ann);
  expect(copy).toEqual((await rowsOn(network.server)).slice(0, copy.length));
  return copy.length;
};

const areSame = async (): Promise<boolean> => {
  const [copy, own] = await Promise.all([rowsOn(ann), rowsOn(network.server)]);
  return copy.at(-1)?.hash === own.at(-1)?.hash;
};

it('an acknowledged change is on two disks, byte for byte', { timeout: 120_000 }, async () => {
  await until('the standby is level', isLevel);
  const { name, kept } = await add();
  if (kept) expect(await isOn(ann, name)).toBe(true);
  await until('both have the same', areSame);
  await expectPrefix();
  const doctor = await network.server.exec([...SERVER, 'doctor', 'acme']);
  expect(doctor.stdout).toMatch(/standbys +ann has every acknowledged change/);
});

it('R88: either side is killed with SIGKILL while it appends, ships and acknowledges', {
  timeout: 3_600_000,
}, async () => {
  const tried = new Map<string, number>();
  const count = (what: string, more = 1) => tried.set(what, (tried.get(what) ?? 0) + more);
  for (let round = 0; round < roundsOr(4); round += 1) {
    await until('the standby is level', isLevel);
    const [victim, wait] = [dice() < 0.5 ? 'server' : 'standby', dice() * 1_500];
    let isOver = false;
    const adding = (async () => {
      while (!isOver) {
        const { name, kept } = await add();
        if (!kept) count('not acknowledged, or by the server alone');
        else {
          count('acknowledged changes found on the standby');
          expect(await isOn(ann, name), `${name}, round ${round}, ${victim}`).toBe(true);
        }
      }
    })();
    await sleep(wait);
    count(`killed: ${victim}`);
    if (victim === 'server') await network.stopServing('SIGKILL');
    else await following.stop('SIGKILL');
    await expectPrefix();
    if (victim === 'server') await network.serve();
    else following = await stand();
    await sleep(dice() * 500);
    isOver = true;
    await adding;
  }
  await until('both have the same', areSame);
  count('records byte for byte', await expectPrefix());
  sayTried('R88', tried);
});

it('R89: a frozen standby makes the server alone, and it goes on', { timeout: 180_000 }, async () => {
  await until('the standby is level', isLevel);
  following.kill('SIGSTOP');
  const { kept, name } = await add();
  expect(kept).toBe(false);
  expect(await isOn(network.server, name)).toBe(true);
  expect(await standing()).toMatchObject({ isAnyLevel: false, aloneSince: expect.any(String) });
  const doctor = await network.server.exec([...SERVER, 'doctor', 'acme']);
  expect(doctor.stdout).toMatch(/standbys +alone since .*: ann does not have every acknowledged change/);
  following.kill('SIGCONT');
  await until('the standby is level again', isLevel);
  await until('both have the same', areSame);
  await expectPrefix();
});
