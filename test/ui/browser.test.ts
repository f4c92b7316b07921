// The desktop's browser is opened with a file that its user alone can read: the token is in no arguments.
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { desktopOf, openBrowser } from '../../src/ui/browser.ts';
import { tempFolder } from '../store/temp-log.ts';

const URL = 'http://127.0.0.1:4000/#the-token';

/** What `xdg-open` is on this desktop: it writes down what it was given. */
const desktopWith = (script: string) => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'xdg-open'), script, { mode: 0o755 });
  const PATH = `${folder}:${process.env.PATH}`;
  const desktop = desktopOf({ DISPLAY: ':0', XDG_RUNTIME_DIR: folder, PATH });
  if (!desktop) throw new Error('this is a desktop');
  return { folder, desktop };
};

it('is no desktop without a display', () => {
  expect(desktopOf({ XDG_RUNTIME_DIR: '/run/user/1000' })).toBeUndefined();
});

it('is the desktop of the user before sudo', () => {
  expect(desktopOf({ WAYLAND_DISPLAY: 'wayland-0', SUDO_UID: '4711', SUDO_GID: '4712' })).toMatchObject({
    uid: 4711,
    gid: 4712,
    env: { XDG_RUNTIME_DIR: '/run/user/4711' },
  });
});

it('hands the address over in a file of mode 0600, which goes again', async () => {
  const said = join(tempFolder(), 'said');
  const { desktop } = desktopWith(
    `#!/bin/sh\n{ echo "$*"; stat -c %a "$1"; stat -c %a "$(dirname "$1")"; cat "$1"; } >${said}.draft; mv ${said}.draft ${said}\n`,
  );
  const opened = await openBrowser(URL, desktop);
  await expect.poll(() => existsSync(said), { timeout: 20_000 }).toBe(true);
  const [args = '', mode, folderMode, ...page] = readFileSync(said, 'utf8').split('\n');
  expect(args).not.toContain('token');
  expect([mode, folderMode]).toEqual(['600', '700']);
  expect(page.join('')).toContain(`content="0;url=${URL}"`);
  await opened?.close();
  expect(existsSync(args)).toBe(false);
});

it('opens nothing where nothing opens browsers', async () => {
  const { desktop } = desktopWith('#!/bin/sh\nexit 3\n');
  expect(await openBrowser(URL, desktop)).toBeUndefined();
});

it.runIf(process.getuid?.() === 0)(
  'writes nothing as root where the user could lead it elsewhere',
  async () => {
    const said = join(tempFolder(), 'said');
    chmodSync(dirname(said), 0o777);
    const { folder, desktop } = desktopWith(`#!/bin/sh\nid -u >${said}; stat -c %u "$1" >>${said}\n`);
    chownSync(folder, 65534, 65534);
    const opened = await openBrowser(URL, { ...desktop, uid: 65534, gid: 65534 });
    expect(readFileSync(said, 'utf8')).toBe('65534\n65534\n');
    await opened?.close();
    expect(readdirSync(folder)).toEqual(['xdg-open']);
  },
);
