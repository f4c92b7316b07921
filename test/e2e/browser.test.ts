// A page in a real browser on an admin's machine, from elsewhere and behind a name that was rebound: it gets nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labFile } from '../lab/caller.ts';
import { CLIENT, type Host, SERVER, SmallNetwork } from './small-network.ts';

const NAME = 'cakes.example';
const API = '10.42.0.1:51820';

let network: SmallNetwork;
let ann: Host;
const folder = mkdtempSync(join(tmpdir(), 'innernet-browser-'));

beforeAll(async () => {
  network = await SmallNetwork.create();
  await network.stopServing('SIGTERM');
  await network.serve('-vv');
  const invitation = join(folder, 'ann.toml');
  const terms = ['--auto-ip', '--admin', 'true', '--invite-expires', '1d', '--save-config', invitation];
  await network.admin('add-peer', 'acme', '--name', 'ann', '--cidr', 'humans', ...terms);
  ann = await network.lab.host('ann');
  await ann.sure([...CLIENT, 'install', invitation]);
});
afterAll(async () => {
  await network.close();
  rmSync(folder, { recursive: true, force: true });
});

const head = async (): Promise<number> =>
  JSON.parse(await network.server.sure([...SERVER, 'head', 'acme', '--json'])).position;

it('reads nothing, changes nothing and hears nothing', { timeout: 240_000 }, async () => {
  const site = await network.lab.host('site');
  const key = (await network.server.sure(['wg', 'show', 'acme', 'public-key'])).trim();
  const lead = (address: string) =>
    ann.sure([
      'sh',
      '-c',
      `sed '/${NAME}/d' /etc/hosts > /etc/hosts.new; echo '${address} ${NAME}' >> /etc/hosts.new; cat /etc/hosts.new > /etc/hosts`,
    ]);
  await lead(site.address);
  const attacker = site.spawn([process.execPath, labFile('attacker.js'), site.address, API, key, NAME]);
  await attacker.line(/ready/);
  const before = await head();
  const asked = (): number => network.said.filter((line) => /"status":401/.test(line)).length;
  // What the page can do, a program that is no page can: the door is not shut for everybody.
  expect(await ann.sure([...CLIENT, 'list-cidrs', 'acme'])).toContain('humans');

  const flags = [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    // Newer browsers keep pages off private addresses by themselves: that is not what is tried here.
    '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights',
    `--user-data-dir=${folder}/profile`,
  ];
  const browser = ann.spawn(['chromium-headless-shell', ...flags, `http://${site.address}:8000/`], {
    env: { HOME: folder },
  });
  await attacker.line(/^closed$/, 60_000);
  await lead('10.42.0.1');
  await attacker.line(/"done"/, 160_000).catch((error: Error) => {
    throw new Error(`${error.message}\n${browser.lines.join('\n')}`);
  });

  const reports = attacker.lines
    .filter((line) => line.startsWith('['))
    .map((line) => JSON.parse(line) as [string, string]);
  const tried = reports.filter(([what]) => what !== 'done');
  expect(tried.map(([what]) => what)).toEqual(expect.arrayContaining(['foreign stream', 'rebound stream']));
  expect(tried).toHaveLength(24);
  for (const [what, outcome] of tried)
    expect(`${what}: ${outcome}`).toMatch(/: (failed: |opaque 0 $|basic 401 $)/);
  // Not in vain: under the rebound name the page did reach the API, and was turned away there.
  expect(
    tried.filter(([what, outcome]) => /^rebound/.test(what) && /401/.test(outcome)).length,
  ).toBeGreaterThan(5);
  expect(asked()).toBeGreaterThan(10);
  expect(await head()).toBe(before);
});
