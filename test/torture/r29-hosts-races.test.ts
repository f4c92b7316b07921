// R29: everybody writes the hosts file at once: two networks of a daemon, two daemons, another program; nobody's line is lost.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { CLIENT, type Host, SERVER, SmallNetwork, until } from '../e2e/small-network.ts';
import { below, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);
const BASE = '127.0.0.1 localhost\n';
const ROUNDS = roundsOr(3);

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const isTheirs = (line: string): boolean => line.endsWith('.theirs');

describe('processes that write names as fast as they can', () => {
  const daemons = [
    ['a1', 'a2'],
    ['b1', 'b2'],
  ];
  const writes = '30';
  let folder: string;
  let program: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hosts-races-'));
    program = await bundleForRun(fileURLToPath(new URL('namer.ts', import.meta.url)), 'run-namer');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Another program's edit: appended to the file, or put in its place as a whole. */
  const edit = (file: string, line: string): void => {
    const isWhole = dice() < 0.5;
    const target = isWhole ? `${file}.new` : file;
    if (isWhole) copyFileSync(file, target);
    appendFileSync(target, `${line}\n`);
    if (isWhole) renameSync(target, file);
  };

  it('lose no line of another program, and none of each other', async () => {
    const tally = new Tally();
    for (let round = 0; round < ROUNDS; round += 1) {
      const [file, lock] = [join(folder, 'hosts'), join(folder, 'run', 'hosts.lock')];
      writeFileSync(file, BASE);
      let running = daemons.length;
      const writers = daemons.map((networks) => {
        const child = spawn(process.execPath, [program, file, lock, writes, ...networks], {
          stdio: 'inherit',
        });
        child.on('exit', () => {
          running -= 1;
        });
        return once(child, 'exit');
      });
      const theirs: string[] = [];
      while (running > 0) {
        theirs.push(`192.0.2.${theirs.length % 250} t${theirs.length}.theirs`);
        edit(file, theirs.at(-1) as string);
        tally.add('edits of another program');
        await sleep(5 + below(dice, 20));
      }
      expect(await Promise.all(writers)).toEqual(daemons.map(() => [0, null]));
      const seen = linesOf(readFileSync(file, 'utf8'));
      expect(seen.filter(isTheirs).sort(), `seed ${seed}, round ${round}`).toEqual(theirs.sort());
      // A file that another program has put in the place of ours, made of an older one, is what the look of a minute is for.
      for (const networks of daemons)
        await once(spawn(process.execPath, [program, file, lock, '1', ...networks]), 'exit');
      const names = linesOf(readFileSync(file, 'utf8')).filter((line) => line.includes(' n1.'));
      expect(names).toEqual(expect.arrayContaining(daemons.flat().map((net) => `10.0.0.1 n1.${net}.wg`)));
      expect(names).toHaveLength(daemons.flat().length);
      expect(readdirSync(folder).sort()).toEqual(['hosts', 'run']);
      tally.add('rounds');
    }
    sayTried('hosts file, processes', tally.counts);
  }, 600_000);
});

describe('a machine in two networks that serves a third', () => {
  let network: SmallNetwork;
  let ann: Host;

  beforeAll(async () => {
    network = await SmallNetwork.create();
    ann = (await network.join('ann')).host;
    const other = await network.lab.host('other');
    const [beta, invitation] = ['beta', '/run/ann.toml'];
    const make = (host: Host, name: string, range: string, address: string) =>
      host.sure([
        ...[...SERVER, 'new', '--no-relay', '--network-name', name, '--network-cidr', range],
        ...['--external-endpoint', address, '--listen-port', address.split(':')[1] as string],
      ]);
    await make(other, beta, '10.43.0.0/16', `${other.address}:51820`);
    await other.spawn([...SERVER, 'serve', beta]).line(/listening/);
    const cidr = ['--name', 'humans', '--cidr', '10.43.1.0/24', '--yes'];
    await other.sure([...SERVER, 'add-cidr', beta, ...cidr]);
    const peer = ['--name', 'ann', '--cidr', 'humans', '--auto-ip', '--admin', 'false'];
    await other.sure([...SERVER, 'add-peer', beta, ...peer, '--save-config', invitation, '--yes']);
    await ann.sure(['tee', invitation], { input: await other.sure(['cat', invitation]) });
    await ann.sure([...CLIENT, 'install', invitation, '--name', beta]);
    await make(ann, 'gamma', '10.44.0.0/16', `${ann.address}:51999`);
  });
  afterAll(() => network.close());

  const hosts = (): Promise<string> => ann.sure(['cat', '/etc/hosts']);
  const OWN = ['10.42.0.1 innernet-server.acme.wg', '10.43.0.1 innernet-server.beta.wg'];

  it('starts both programs at once, again and again, while another program edits', async () => {
    const tally = new Tally();
    for (let round = 0; round < ROUNDS; round += 1) {
      await ann.sure(['tee', '/etc/hosts'], { input: BASE });
      const client = ann.spawn([...CLIENT, 'up', '--daemon', 'acme', 'beta']);
      const server = ann.spawn([...SERVER, 'serve', 'gamma']);
      const edits = 10 + below(dice, 40);
      const pause = below(dice, 30) / 1000;
      const script = `for n in $(seq ${edits}); do echo "192.0.2.9 t$n.theirs" >>/etc/hosts; sleep ${pause}; done`;
      const editing = ann.sure(['sh', '-c', script]);
      await Promise.all([
        client.line(/acme: up at/),
        client.line(/beta: up at/),
        server.line(/listening/),
        editing,
      ]);
      const wanted = [...OWN, '10.44.0.1 innernet-server.gamma.wg'];
      await until('all names are there', async () => {
        const text = await hosts();
        return wanted.every((line) => text.includes(line));
      });
      await Promise.all([client.stop(), server.stop()]);
      const seen = linesOf(await hosts());
      expect(seen.filter(isTheirs), `seed ${seed}, round ${round}`).toHaveLength(edits);
      expect(seen).toEqual(expect.arrayContaining(wanted));
      tally.add('starts of both programs');
      tally.add('edits of another program', edits);
    }
    expect(await ann.sure(['sh', '-c', 'ls -a /etc | grep hosts.*draft || true'])).toBe('');
    sayTried('hosts file, both programs', tally.counts);
  }, 1_800_000);
});
