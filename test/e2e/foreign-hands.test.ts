// Other users of the machine, without any right of ours: they reach no socket, hold no lock, and write into no folder of ours.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from '../lab.ts';
import { CLIENT, type Host, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let daemon: Running;

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
/** The one right that it takes to read a clone in /root, where `access` is asked too; it writes nothing. */
const READING = [
  ...['--securebits=+no_setuid_fixup', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'],
];
/** As whoever starts it by hand may have it: a file that is made without care is everybody's. */
const openly = (argv: readonly string[]) => ['sh', '-c', 'umask 0; exec "$@"', 'sh', ...argv];
const modes = async (host: Host, ...paths: string[]): Promise<string[]> =>
  (await host.sure(['stat', '-c', '%a', ...paths])).trim().split('\n');

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.stopServing('SIGTERM');
  // Folders as something else may have made them, and files as an earlier version left them.
  await ann.sure(['sh', '-c', 'rm -rf /run/innernet; mkdir -m 755 /run/innernet']);
  await network.server.sure(['chmod', '755', '/var/lib/innernet-server']);
  await network.server.sure(['chmod', '644', '/var/lib/innernet-server/acme.lock']);
  await ann.sure(['tee', '/etc/hosts'], { input: '127.0.0.1 localhost\n' });
  daemon = ann.spawn(openly([...CLIENT, 'up', '--daemon', 'acme']));
  await daemon.line(/up at/);
  await until('names are written', async () => (await ann.sure(['cat', '/etc/hosts'])).includes('acme.wg'));
});
afterAll(() => network.close());

describe('another user', () => {
  it('does not reach the socket at which a daemon is told what to do', async () => {
    const socket = '/run/innernet/acme.sock';
    expect(await modes(ann, '/run/innernet', socket, '/run/innernet/hosts.lock')).toEqual([
      '700',
      '600',
      '600',
    ]);
    await ann.sure(['chmod', '755', '/run/innernet']); // and not by the folder alone
    const script = `require('net').connect('${socket}').on('error', ({ code }) => console.log(code)).on('connect', () => console.log('in'))`;
    expect(await ann.sure([...NOBODY, process.execPath, '-e', script])).toBe('EACCES\n');
  });

  it('keeps no server from starting by holding its lock', async () => {
    const lock = '/var/lib/innernet-server/acme.lock';
    const held = network.server.spawn([
      ...NOBODY,
      ...['/usr/bin/python3', '-c'],
      `import fcntl, time; f = open('${lock}'); fcntl.lockf(f, fcntl.LOCK_SH); print('held', flush=True); time.sleep(60)`,
    ]);
    await held.line(/held/);
    const hindered = await network.server.exec([...SERVER, 'serve', 'acme']);
    expect([hindered.code, hindered.stderr]).toEqual([1, expect.stringContaining('is running already')]);
    // The first start has closed the file: once who held it is gone, nobody can again.
    await held.stop('SIGKILL');
    expect(await modes(network.server, lock)).toEqual(['640']);
    const again = await network.server.exec([...NOBODY, 'cat', lock]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
    await network.serve();
  });
});

describe('a folder into which everybody may write', () => {
  const open = async (host: Host, folder: string, argv: readonly string[]): Promise<void> => {
    const [mode = ''] = await modes(host, folder);
    await host.sure(['chmod', '1777', folder]);
    const { code, stderr } = await host.exec(argv);
    await host.sure(['chmod', mode, folder]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `error: every user of this machine may write into ${folder} \\(mode 1777\\)\\n.*hint: .*chmod o-w ${folder}`,
        ),
      ),
    ]);
  };

  it('is refused by the server and its verbs', async () => {
    for (const folder of ['/etc/innernet-server', '/var/lib/innernet-server'])
      for (const verb of ['serve', 'list-peers'])
        await open(network.server, folder, [...SERVER, verb, 'acme']);
  });

  it('is refused by the client', async () => {
    await daemon.stop();
    for (const folder of ['/etc/innernet', '/var/lib/innernet'])
      await open(ann, folder, [...CLIENT, 'up', 'acme']);
  });

  it('of a group is no trouble: members may be let in', async () => {
    await network.server.sure([
      'sh',
      '-c',
      'cd /var/lib && chgrp -R 4711 innernet-server && chmod -R g+rwX innernet-server',
    ]);
    await network.server.sure([
      'sh',
      '-c',
      'cd /etc && chgrp -R 4711 innernet-server && chmod -R g+rwX innernet-server',
    ]);
    await network.stopServing('SIGTERM');
    await network.serve();
    const member = ['setpriv', '--reuid=4712', '--regid=4711', '--clear-groups', ...READING];
    const cidr = ['--name', 'labs', '--cidr', '10.42.3.0/24', '--yes'];
    await network.server.sure([...member, ...SERVER, 'add-cidr', 'acme', ...cidr]);
    expect(await network.server.sure([...SERVER, 'list-cidrs', 'acme'])).toContain('labs');
    expect(await modes(network.server, '/var/lib/innernet-server/acme.lock')).toEqual(['660']);
  });
});
