/** Keeps private keys out of core dumps: forbids dumps of this process and its children. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Bytes; no dump is so small. With 0 the kernel still pipes dumps to a program (core(5)), with 1 it does not
 * (`do_coredump` in coredump.c).
 */
const NONE = '1';

const cannotBeWritten = (): boolean => {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, soft, hard] = /^Max core file size\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  if (soft === NONE || hard === '0') return true; // above a hard 0 it cannot be set, and whoever set it meant it
  return soft === '0' && !readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|');
};

/**
 * Call before reading any key. Starts no program if the limit is 0 already, the usual case. Returns a
 * sentence on failure.
 */
export const forbidCoreDumps = (): string | undefined => {
  try {
    if (cannotBeWritten()) return undefined;
  } catch {
    // Without /proc the limit is unknown: set it.
  }
  const argv = ['--pid', String(process.pid), `--core=${NONE}:${NONE}`];
  const { status, error } = spawnSync('prlimit', argv, { stdio: 'ignore' });
  if (status === 0) return undefined;
  const why = error ? error.message : `it gave ${status}`;
  return `a crash could write private keys into a core dump, since prlimit did not forbid it (${why})`;
};
