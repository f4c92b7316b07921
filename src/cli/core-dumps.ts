/** Keeps private keys out of core dumps: none is written of this process, nor of what it starts. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * No dump is so small, in bytes, so none is written. A limit of 0 would leave those that the kernel pipes to a program
 * (core(5)); one of 1 it takes for "not to a program either" (`do_coredump` in its coredump.c).
 */
const NONE = '1';

const cannotBeWritten = (): boolean => {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, soft, hard] = /^Max core file size\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  if (soft === NONE || hard === '0') return true; // above a hard 0 it cannot be set, and whoever set it meant it
  return soft === '0' && !readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|');
};

/**
 * To be called before any key is read. Where the limit is 0 already, as it mostly is, this starts no program. Answers
 * with a sentence where it cannot be done.
 */
export const forbidCoreDumps = (): string | undefined => {
  try {
    if (cannotBeWritten()) return undefined;
  } catch {
    // Without /proc nothing is known: then it is set.
  }
  // Node cannot set a limit of its own process.
  const argv = ['--pid', String(process.pid), `--core=${NONE}:${NONE}`];
  const { status, error } = spawnSync('prlimit', argv, { stdio: 'ignore' });
  if (status === 0) return undefined;
  const why = error ? error.message : `it gave ${status}`;
  return `a crash could write private keys into a core dump, since prlimit did not forbid it (${why})`;
};
