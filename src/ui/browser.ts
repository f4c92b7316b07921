/** Opens the desktop user's browser without the address in any program's arguments, where others can read it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whose desktop it is: through sudo the user before it. */
export type Desktop = { uid: number; gid: number; env: NodeJS.ProcessEnv };

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;

/** Undefined without a graphical session. `env` is this process's. */
export const desktopOf = (env: NodeJS.ProcessEnv): Desktop | undefined => {
  const { DISPLAY, WAYLAND_DISPLAY, SUDO_UID, SUDO_GID, SUDO_USER, XDG_RUNTIME_DIR } = env;
  if (!DISPLAY && !WAYLAND_DISPLAY) return undefined;
  const own = userInfo();
  const uid = numberIn(SUDO_UID) ?? own.uid;
  const gid = numberIn(SUDO_GID) ?? own.gid;
  if (uid === own.uid && XDG_RUNTIME_DIR) return { uid, gid, env };
  const runtime = `/run/user/${uid}`;
  const session = { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus` };
  const name = SUDO_USER ? { USER: SUDO_USER, LOGNAME: SUDO_USER } : {};
  return { uid, gid, env: { ...env, ...session, ...name } };
};

const REDIRECT = (url: string): string =>
  `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">` +
  `<meta http-equiv="refresh" content="0;url=${url}"><title>innernet</title><a href="${url}">the network</a>\n`;

/**
 * Runs as the user, so that nothing of root's is written where the user could lead it elsewhere. The page
 * comes by stdin, as the token must be in no arguments; the file goes when that ends.
 */
const OPENER = `
umask 077
HOME=$(getent passwd "$(id -u)" | cut -d: -f6) && export HOME
folder=$(mktemp -d "$XDG_RUNTIME_DIR/innernet-ui-XXXXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
IFS= read -r page
printf '%s\\n' "$page" >"$folder/open.html" || exit 1
{ xdg-open "$folder/open.html" >/dev/null 2>&1 </dev/null && echo opened || echo failed; } &
read -r end
`;

/** Milliseconds: some desktops run the browser in the foreground, and say nothing until it ends. */
const PATIENCE = 5_000;

export type Opened = { close: () => Promise<void> };

/**
 * Hands the address over in a file that this user alone can read, as Jupyter does. Undefined: nothing here
 * opens a browser. `url` is ours and needs no escaping.
 */
export const openBrowser = async (url: string, { uid, gid, env }: Desktop): Promise<Opened | undefined> => {
  const asUser = process.getuid?.() === uid ? {} : { uid, gid };
  const opener = spawn('/bin/sh', ['-c', OPENER], {
    ...asUser,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true, // Ctrl-C here ends no browser
  });
  const ended = new Promise<void>((resolve) => {
    opener.once('exit', () => resolve()).once('error', () => resolve());
  });
  opener.stdin.on('error', () => {});
  opener.stdin.write(REDIRECT(url));
  const isOpened = await Promise.race([
    once(createInterface({ input: opener.stdout }), 'line').then(([line]) => line === 'opened'),
    ended.then(() => false),
    sleep(PATIENCE, true, { ref: false }),
  ]);
  const close = async (): Promise<void> => {
    opener.stdin.end();
    await ended;
  };
  if (isOpened) return { close };
  await close();
  return undefined;
};
