// What takes more than a second says so at a real terminal, and is silent where there is none.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';
import { CLIENT, type Host, SmallNetwork } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;
beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await bob.sure([...CLIENT, 'down', 'acme']);
  await ann.sure([...CLIENT, 'up', 'acme']);
});
afterAll(() => network.close());

const atTerminal = (...argv: string[]): string[] => [
  ...['script', '-qefc', [...CLIENT, ...argv].map(shellWord).join(' '), '/dev/null'],
];

it('a daemon tells whoever looks on which peers it is meeting', async () => {
  const daemon = ann.spawn(atTerminal('up', '--daemon', 'acme'));
  await daemon.line(/acme: meeting 1 of 1 peers/, 60_000);
  daemon.kill('SIGTERM');
  await daemon.ended;
});

it('waits for a server that is away, and counts the seconds', async () => {
  await network.stopServing();
  await network.server.sure(['ip', 'link', 'delete', 'acme']);
  // Ann's device stands, so a verb asks; bob's is down, so `up` waits for a handshake.
  const [asked, shown, silent] = await Promise.all([
    ann.exec(atTerminal('list-peers', 'acme'), { timeout: 60_000 }),
    bob.exec(atTerminal('up', 'acme'), { timeout: 60_000 }),
    ann.exec([...CLIENT, 'up', 'acme'], { timeout: 60_000 }),
  ]);
  expect(asked.stdout).toContain("waiting for the server's answer");
  expect(shown.stdout).toMatch(/\rwaiting for the server of acme: [1-9]\d* s/);
  expect(shown.code).toBe(1);
  expect([silent.stdout, silent.stderr]).toEqual(['', expect.not.stringContaining('waiting')]);
});
