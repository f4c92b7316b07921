/** Opens the desktop user's browser without the address in any program's arguments, where others can read it. */
import { spawn } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** Whose desktop it is: through sudo the user before it. */
export type Desktop = { uid: number; gid: number; runtime: string; env: NodeJS.ProcessEnv };

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;

/** Undefined without a graphical session. `env` is this process's. */
export const desktopOf = (env: NodeJS.ProcessEnv): Desktop | undefined => {
  const { DISPLAY, WAYLAND_DISPLAY, SUDO_UID, SUDO_GID, XDG_RUNTIME_DIR } = env;
  if (!DISPLAY && !WAYLAND_DISPLAY) return undefined;
  const own = userInfo();
  const uid = numberIn(SUDO_UID) ?? own.uid;
  const gid = numberIn(SUDO_GID) ?? own.gid;
  const runtime = uid === own.uid && XDG_RUNTIME_DIR ? XDG_RUNTIME_DIR : `/run/user/${uid}`;
  return { uid, gid, runtime, env: { ...env, XDG_RUNTIME_DIR: runtime } };
};

const REDIRECT = (url: string): string =>
  `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">` +
  `<meta http-equiv="refresh" content="0;url=${url}"><title>innernet</title><a href="${url}">the network</a>\n`;

export type Opened = { close: () => Promise<void> };

/**
 * Hands the address over in a file that this user alone can read, as Jupyter does. Undefined: there is no
 * program that opens browsers. `url` is ours and needs no escaping.
 */
export const openBrowser = async (url: string, desktop: Desktop): Promise<Opened | undefined> => {
  const { uid, gid, runtime, env } = desktop;
  let folder: string;
  try {
    folder = await mkdtemp(join(runtime, 'innernet-ui-'));
  } catch {
    return undefined;
  }
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const file = join(folder, 'open.html');
  try {
    await writeFile(file, REDIRECT(url), { mode: 0o600, flag: 'wx' });
    await chown(file, uid, gid);
    await chown(folder, uid, gid);
    const asUser = process.getuid?.() === uid ? {} : { uid, gid };
    const started = await new Promise<boolean>((resolve) => {
      const child = spawn('xdg-open', [file], { ...asUser, env, stdio: 'ignore', detached: true });
      child.once('spawn', () => resolve(true)).once('error', () => resolve(false));
      child.unref();
    });
    if (started) return { close };
  } catch {
    // Then the address is printed.
  }
  await close();
  return undefined;
};
