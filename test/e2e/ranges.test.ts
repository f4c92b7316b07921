// A network of public addresses: nobody makes or joins one unawares, and those who are in one are told.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Lab } from '../lab.ts';
import { CLIENT, type Host, reaches, SERVER } from './small-network.ts';

const INVITATION = '/run/ann.toml';

let lab: Lab;
let server: Host;
let ann: Host;
let said: readonly string[];

beforeAll(async () => {
  lab = await Lab.create();
  [server, ann] = [await lab.host('server'), await lab.host('ann')];
  await server.sure([
    ...[
      ...SERVER,
      'new',
      '--no-relay',
      '--network-name',
      'club',
      '--network-cidr',
      '8.8.8.0/24',
      '--allow-range',
    ],
    ...['--external-endpoint', `${server.address}:51820`],
  ]);
  const serving = server.spawn([...SERVER, 'serve', 'club']);
  await serving.line(/listening/);
  said = serving.lines;
  await server.sure([...SERVER, 'add-cidr', 'club', '--name', 'all', '--cidr', '8.8.8.8/31', '--yes']);
  await server.sure([
    ...[...SERVER, 'add-peer', 'club', '--name', 'ann', '--cidr', 'all', '--auto-ip', '--admin', 'false'],
    ...['--save-config', INVITATION, '--yes'],
  ]);
  await ann.sure(['tee', INVITATION], { input: await server.sure(['cat', INVITATION]) });
});
afterAll(() => lab.close());

it('serve warns once', () => {
  expect(said.filter((line) => line.includes('the range 8.8.8.0/24 is not private'))).toHaveLength(1);
});

it.each([[], ['--dry-run']])('install refuses it and leaves nothing behind %j', async (...flags) => {
  const { code, stderr } = await ann.exec([...CLIENT, 'install', INVITATION, ...flags]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(
      /range 8\.8\.8\.0\/24 is not private[\s\S]*hint: .*innernet install --allow-range .*ann/,
    ),
  ]);
  expect((await ann.exec(['ls', '/etc/innernet'])).stdout).toBe('');
  expect(await ann.sure(['ip', 'route'])).not.toContain('8.8.8.0/24');
});

it('where that is meant it joins; dry run and show name the range, up and doctor warn', async () => {
  const install = [...CLIENT, 'install', '--allow-range', INVITATION];
  expect(await ann.sure([...install, '--dry-run'])).toContain('at 8.8.8.8, with all of 8.8.8.0/24 behind it');
  await ann.sure(install);
  expect(await reaches(ann, '8.8.8.1')).toBe(true);
  expect(await ann.sure(['ip', 'route', 'get', '8.8.8.9'])).toContain('dev club');
  expect(await ann.sure([...CLIENT, 'show', 'club'])).toMatch(/^network: club \(8\.8\.8\.0\/24\)$/m);
  expect(JSON.parse(await ann.sure([...CLIENT, 'show', 'club', '--json']))[0].range).toBe('8.8.8.0/24');
  const { stderr } = await ann.exec([...CLIENT, 'up', 'club']);
  expect(stderr.match(/warning: the range 8\.8\.8\.0\/24 is not private/g)).toHaveLength(1);
  const findings = JSON.parse(await ann.sure([...CLIENT, 'doctor', 'club', '--json']));
  expect(findings.find(({ step }: { step: string }) => step === 'range')).toMatchObject({
    grade: 'warning',
    found: expect.stringContaining('8.8.8.0/24 is not private'),
  });
});
