// The hosts file as a machine has it: bind-mounted, edited by others, read-only; nothing outside our block ever changes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from '../lab.ts';
import { CLIENT, follow, type Host, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let daemon: Running;
beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.join('bob');
});
afterAll(() => network.close());

const sh = (line: string) => ann.sure(['sh', '-c', line]);
const hosts = (): Promise<string> => ann.sure(['cat', '/etc/hosts']);
const shows = (what: string, isSo: (text: string) => boolean) => until(what, async () => isSo(await hosts()));
const outside = async (): Promise<string> =>
  (await hosts()).replace(/# DO NOT EDIT innernet acme BEGIN[\s\S]*# DO NOT EDIT innernet acme END\r?\n/, '');

/** What somebody else has written: line ends of another system, a tab, no newline at the end of one. */
const THEIRS = '127.0.0.1\tlocalhost\r\n# mine\r\n192.0.2.7 printer # old\r\n';

describe('a hosts file that cannot be replaced, as in a container', () => {
  it('is written in place, with its line ends, mode and every other byte', async () => {
    await ann.sure(['tee', '/run/hosts'], { input: THEIRS });
    await sh('chmod 640 /run/hosts && mount --bind /run/hosts /etc/hosts');
    daemon = await follow(ann);
    await shows('bob is named', (text) => text.includes('10.42.1.2 bob.acme.wg\r\n'));
    expect(await outside()).toBe(THEIRS);
    expect(await sh('stat -c %a /etc/hosts; stat -c %i /run/hosts /etc/hosts | uniq | wc -l')).toBe(
      '640\n1\n',
    );
  });

  it("keeps what another program has written since, through renames and a peer's end", async () => {
    await sh('printf "203.0.113.80 theirs" >>/etc/hosts');
    await network.admin('rename-peer', 'acme', '--name', 'bob', '--new-name', 'rob');
    await shows('rob is named', (text) => text.includes(' rob.acme.wg') && !text.includes(' bob.acme.wg'));
    await network.admin('disable-peer', 'acme', '--name', 'rob');
    await shows('rob is gone', (text) => !text.includes('rob'));
    expect((await outside()).replace(/\r?\n$/, '')).toBe(`${THEIRS}203.0.113.80 theirs`);
    await network.admin('enable-peer', 'acme', '--name', 'rob');
    await shows('rob is back', (text) => text.includes(' rob.acme.wg'));
  });

  it('that is read-only is said, and stops nothing else', async () => {
    const before = await hosts();
    await sh('mount -o remount,bind,ro /etc/hosts');
    await network.admin('rename-peer', 'acme', '--name', 'rob', '--new-name', 'bob');
    await daemon.line(/\/etc\/hosts/);
    expect(await hosts()).toBe(before);
    expect(await ann.sure([...CLIENT, 'show', 'acme'])).toContain('bob');
    await sh('mount -o remount,bind,rw /etc/hosts');
    await network.admin('rename-peer', 'acme', '--name', 'bob', '--new-name', 'bo');
    await shows('bo is named', (text) => text.includes(' bo.acme.wg'));
    await daemon.stop();
    await sh('umount /etc/hosts');
  });
});

it('bare names, another file, and none at all', async () => {
  const up = (...flags: string[]) => ann.sure([...CLIENT, 'up', ...flags, 'acme']);
  await up('--hosts-path', '/run/names', '--host-suffix', '');
  expect(await sh('cat /run/names')).toMatch(/^10\.42\.1\.2 bo$/m);
  await up('--hosts-path', '/run/names', '--host-suffix', 'corp');
  expect(await sh('cat /run/names')).toMatch(/^10\.42\.1\.2 bo\.corp$/m);
  await sh('rm /run/names');
  await up('--hosts-path', '/run/names', '--no-write-hosts');
  expect((await ann.exec(['test', '-e', '/run/names'])).code).toBe(1);
});
