/**
 * IPv6 forwarding of all interfaces, for kernels that cannot forward by single ones (before 6.17): the kernel changes
 * every interface's switch with it, so all are noted before, and put back to what they were.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceNow } from '../machine/durable.ts';
import { Failure } from '../values/failure.ts';
import { advertisedDefaults } from './best-route.ts';

const FOLDER = '/proc/sys/net/ipv6/conf';
const ALL = join(FOLDER, 'all/forwarding');
/** Also while the machine forwards. */
const TAKES_ADVERTISEMENTS = '2';

type Noted = { path: string; was: string };

const readAt = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

const lineOf = ({ path, was }: Noted): string => `${path} ${was}\n`;

const notedIn = (journal: string): Noted[] => {
  const lines = existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').filter(Boolean) : [];
  return lines.map((line) => {
    const [path = '', was = ''] = line.split(' ');
    return { path, was };
  });
};

/** Whether this program has turned it on. */
export const isLentEverywhere = (journal: string): boolean =>
  notedIn(journal).length > 0 && readAt(ALL) === '1';

/** Turns it on; without the advertisements of its router a forwarding machine would lose its own way out. */
export const lendEverywhere = (journal: string): void => {
  if (readAt(ALL) !== '0') return;
  const advertised = advertisedDefaults(readAt('/proc/net/ipv6_route') ?? '')
    .map((device) => join(FOLDER, device, 'accept_ra'))
    .filter((path) => readAt(path) === '1');
  const switches = readdirSync(FOLDER)
    .filter((device) => device !== 'all')
    .map((device) => join(FOLDER, device, 'forwarding'));
  const noted = [...advertised, ...switches, ALL].map((path) => ({ path, was: readAt(path) ?? '0' }));
  replaceNow(journal, noted.map(lineOf).join(''));
  try {
    for (const path of advertised) writeFileSync(path, TAKES_ADVERTISEMENTS);
    writeFileSync(ALL, '1');
  } catch (cause) {
    putEverywhereBack(journal);
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(
      `this program may not turn on forwarding of IPv6 (${code}); an administrator may: sudo sysctl -w net.ipv6.conf.all.forwarding=1`,
      { cause },
    );
  }
};

/** In words, what `putEverywhereBack` would do. */
export const ordersToPutEverywhereBack = (journal: string): string[] =>
  notedIn(journal).length > 0 ? ['turn forwarding of IPv6 off again'] : [];

/** Puts back what a journal holds, unless somebody has turned it off meanwhile. Interfaces that are gone need nothing. */
export const putEverywhereBack = (journal: string): void => {
  const noted = notedIn(journal);
  const isOurs = readAt(ALL) === '1';
  // The switch of all first, since the kernel sets the others with it.
  if (isOurs) for (const one of noted.reverse()) put(one);
  else for (const one of noted) if (one.path.endsWith('/accept_ra')) put(one);
  rmSync(journal, { force: true });
};

const put = ({ path, was }: Noted): void => {
  const is = readAt(path);
  if (is !== undefined && is !== was) writeFileSync(path, was);
};
