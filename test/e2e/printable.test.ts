// A name that a terminal would obey, as an import may bring one: what both programs say of it on stdout, stderr and in the journal.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { filesOf } from '../../src/server/disk/files.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { InterfaceName } from '../../src/values/name.ts';
import { commitOf } from '../store/temp-log.ts';
import { CLIENT, follow, type Host, OBEYED, SERVER, SmallNetwork, until } from './small-network.ts';

/** Sets the title of a terminal, wipes it, turns text round, and begins a line that looks like one of ours. */
const NAME = 'ann\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r\ninnernet-server: forged';

/** As an import would have it: no verb gives such a name. SQLite does not go through /proc, so the log is copied. */
const rename = async (): Promise<void> => {
  const theirs = `/proc/${network.server.pid}/root/var/lib/innernet-server`;
  const dataDir = mkdtempSync(join(tmpdir(), 'printable-'));
  cpSync(theirs, dataDir, { recursive: true });
  const file = filesOf('acme' as InterfaceName, { configDir: '/', dataDir }).log;
  const log = await openSqliteLog({ file, readModels: READ_MODELS });
  const { position } = await log.head();
  await log.append(position, [commitOf([{ type: 'PeerRenamed', peerId: 2 as PeerId, name: NAME }])]);
  await log.close();
  cpSync(dataDir, theirs, { recursive: true });
  rmSync(dataDir, { recursive: true });
};

let network: SmallNetwork;
let ann: Host;
let bob: Host;
beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await network.stopServing('SIGTERM');
  await rename();
});
afterAll(() => network.close());

/** What was said shows the name, and only as text. */
const isHarmless = (text: string): void => {
  expect(text).toContain(String.raw`\u{1b}]0;owned`);
  expect(text).not.toMatch(OBEYED);
  expect(text).not.toMatch(/^innernet-server: forged/m);
};

it('in the journal of a server: its traces, and the claim of a peer with that name', async () => {
  const state = JSON.parse(await ann.sure(['cat', '/var/lib/innernet/acme.json']));
  expect(state.head.position).toBeGreaterThan(0);
  state.head.position += 100;
  await ann.sure(['tee', '/var/lib/innernet/acme.json'], { input: JSON.stringify(state) });
  await network.serveWith({}, '-vv');
  const daemon = ann.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await until('the claim is heard', async () =>
    network.said.some((line) => line.includes('another history')),
  );
  await network.admin('rename-peer', 'acme', '--name', 'bob', '--new-name', 'rob');
  await until('the change is traced', async () => network.said.some((line) => line.includes('PeerRenamed')));
  await daemon.stop();
  isHarmless(network.said.join('\n'));
});

it('in answers and refusals of both programs', async () => {
  const list = await network.server.sure([...SERVER, 'list-peers', 'acme']);
  isHarmless(list);
  isHarmless(await network.server.sure([...SERVER, 'history', 'acme']));
  const taken = ['rename-peer', 'acme', '--name', 'rob', '--new-name', NAME, '--yes'];
  for (const program of [SERVER, CLIENT]) {
    const { code, stdout, stderr } = await network.server.exec([...program, ...taken]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toMatch(OBEYED);
  }
  const { code, stderr } = await network.server.exec([...SERVER, 'why', 'acme', `${NAME}!`, 'rob']);
  expect(code).toBe(1);
  isHarmless(stderr);
});

it('in what the daemon of another peer says', async () => {
  const daemon = await follow(bob);
  isHarmless(`${await bob.sure([...CLIENT, 'show', 'acme'])}${daemon.lines.join('\n')}`);
  expect(await bob.sure(['cat', '/etc/hosts'])).not.toMatch(/owned|forged/);
  await daemon.stop();
});
