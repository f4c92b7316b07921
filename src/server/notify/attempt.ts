/** Runs a program once for one event, which it reads on stdin. */
import { spawn } from 'node:child_process';

/** A program that hangs would hold up all that follows. */
const MAX_RUN_MS = 5 * 60_000;
/** From SIGTERM to SIGKILL. */
const MAX_END_MS = 5_000;
const STDERR = 2;

/**
 * Undefined: the program ended with 0. Otherwise what went wrong, as the end of a sentence. At `stop` it is asked to
 * end. No text is in its arguments, which every user of the machine can read; what it writes goes to stderr.
 */
export const attempt = (program: string, text: string, stop: AbortSignal): Promise<string | undefined> =>
  new Promise((resolve) => {
    const child = spawn(program, [], { stdio: ['pipe', STDERR, STDERR] });
    let isLate = false;
    let killer: NodeJS.Timeout | undefined;
    const end = (): void => {
      child.kill('SIGTERM');
      killer ??= setTimeout(() => child.kill('SIGKILL'), MAX_END_MS);
    };
    const watch = setTimeout(() => {
      isLate = true;
      end();
    }, MAX_RUN_MS);
    const settle = (trouble: string | undefined): void => {
      clearTimeout(watch);
      clearTimeout(killer);
      stop.removeEventListener('abort', end);
      resolve(trouble);
    };
    stop.addEventListener('abort', end);
    child.once('error', ({ message }) => settle(`could not be started (${message})`));
    child.once('exit', (code, signal) => {
      if (code === 0) settle(undefined);
      else if (isLate) settle(`had not ended after ${MAX_RUN_MS / 1000} s`);
      else settle(code === null ? `was ended by ${signal}` : `ended with code ${code}`);
    });
    child.stdin?.on('error', () => {}); // it need not read
    child.stdin?.end(text);
  });
