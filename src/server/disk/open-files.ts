/** Which programs have a file open, from /proc. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';

export type Holder = { pid: number; program: string };

/** Under any path. Root sees all processes. */
export const holdersOf = (file: string): Holder[] => {
  const { dev, ino } = statSync(file);
  const isIt = (path: string): boolean => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.dev === dev && found.ino === ino;
  };
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    return openFilesOf(pid).some((path) => succeeds(() => isIt(path)))
      ? [{ pid, program: programOf(pid) }]
      : [];
  });
};

const openFilesOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
  } catch {
    return []; // it has ended, or is none of ours
  }
};

/** A process may end meanwhile. */
const succeeds = (look: () => boolean): boolean => {
  try {
    return look();
  } catch {
    return false;
  }
};

/** Interpreters: the script names the process. */
const INTERPRETER = /^(node|nodejs|python[\d.]*|perl|sh|bash)$/;

/** Not /proc/PID/comm: newer Nodes call their thread `MainThread`. */
const programOf = (pid: number): string => {
  try {
    const [program = '', script = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const name = basename(program).replace(/^-/, '');
    return INTERPRETER.test(name) && /^[^-]/.test(script) ? basename(script).replace(/\.[cm]?js$/, '') : name;
  } catch {
    return 'a program that has ended';
  }
};
