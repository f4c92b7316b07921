/** Shows a network in the browser until a signal, or until nobody has looked at it for a while. */
import { createInterface } from 'node:readline';
import type { Plane } from '../cli/plane.ts';
import { answer, hidePassing, note } from '../cli/print.ts';
import { stopSignal } from '../machine/stop-signal.ts';
import { answersOf, type Own, type Program } from './answers.ts';
import { desktopOf, type Opened, openBrowser } from './browser.ts';
import { openDoor } from './door.ts';
import { Idle } from './idle.ts';
import { Keys } from './keys.ts';
import { readPageFiles } from './page-files.ts';

export type UiOptions = { port?: number; open: boolean };

const MAX_IDLE_MS = 15 * 60_000;
/** A browser that is opened comes at once; a printed address is copied by hand. */
const OPENED_LASTS_MS = 60_000;
const PRINTED_LASTS_MS = MAX_IDLE_MS;

/** Resolves when it is over. Throws `Failure`: no answer, a port that is taken. */
export const showPage = async (
  plane: Plane,
  { program, own }: { program: Program; own: Own },
  { port = 0, open }: UiOptions,
): Promise<void> => {
  hidePassing();
  const [answers, files] = await Promise.all([
    answersOf(plane, program, own),
    readPageFiles(new URL('./', import.meta.url)),
  ]);
  const keys = new Keys(() => performance.now());
  const idle = new Idle(MAX_IDLE_MS);
  const door = await openDoor({ answers, files, keys, idle }, port);
  const addressFor = (lasts: number): string => `${door.origin}/#${keys.token(lasts)}`;
  const opened = open ? await tryToOpen(() => addressFor(OPENED_LASTS_MS)) : undefined;
  try {
    if (opened) answer(`${plane.network} is shown in your browser`);
    else answer(addressFor(PRINTED_LASTS_MS));
    note(`${program.program}: the address works once; ${endsBy()}`);
    const another = onEnter(() => answer(addressFor(PRINTED_LASTS_MS)));
    const why = await Promise.race([
      stopSignal().then(() => undefined),
      idle.over.then(() => 'nobody has looked at the page for 15 minutes'),
    ]);
    another.close();
    if (why) note(`${program.program}: ended: ${why}`);
  } finally {
    idle.close();
    await opened?.close();
    await door.close();
  }
};

const endsBy = (): string =>
  process.stdin.isTTY ? 'Enter gives another one, Ctrl-C ends the page' : 'the page ends with this program';

const tryToOpen = async (address: () => string): Promise<Opened | undefined> => {
  const desktop = desktopOf(process.env);
  return desktop && openBrowser(address(), desktop);
};

/** On a terminal, `act` at each Enter. */
const onEnter = (act: () => void): { close: () => void } => {
  if (!process.stdin.isTTY) return { close: () => {} };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', act);
  return lines;
};
