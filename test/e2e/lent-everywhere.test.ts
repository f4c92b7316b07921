// IPv6 forwarding of all interfaces, as kernels before 6.17 need it: each switch goes back to what it was.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Host, Lab } from '../lab.ts';
import { bundled } from '../server/bundled.ts';

const JOURNAL = '/run/sysctls';

let lab: Lab;
let host: Host;
let program: { path: string; remove: () => void };
beforeAll(async () => {
  lab = await Lab.create();
  host = await lab.host('press');
  program = await bundled('test/lab/lend-everywhere.ts');
  await host.sure(['ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1']);
  await host.sure(['sysctl', '-qw', 'net.ipv6.conf.lan0.forwarding=1']);
});
afterAll(async () => {
  program?.remove();
  await lab?.close();
});

const run = (what: 'lend' | 'back') => host.sure([process.execPath, program.path, JOURNAL, what]);
const switches = () =>
  host.sure(['sh', '-c', 'cd /proc/sys/net/ipv6/conf; grep -H . */forwarding */accept_ra']);

it('is turned on for all, and put back to what each had', async () => {
  const before = await switches();
  expect(before).toContain('lan0/forwarding:1');
  expect(before).toContain('all/forwarding:0');
  await run('lend');
  expect(await switches()).not.toMatch(/forwarding:0/);
  await run('lend');
  await run('back');
  expect(await switches()).toBe(before);
  expect((await host.exec(['test', '-e', JOURNAL])).code).not.toBe(0);
});

it('stays as somebody else has left it meanwhile', async () => {
  await run('lend');
  await host.sure(['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0']);
  const left = await switches();
  await run('back');
  expect(await switches()).toBe(left);
});
