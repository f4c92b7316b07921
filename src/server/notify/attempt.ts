/** Runs a program once for one event, which it reads on stdin. */
import { spawn } from 'node:child_process';

const PATIENCE = {
  /** A program that hangs would hold up all that follows. */
  runMs: 5 * 60_000,
  /** From SIGTERM to SIGKILL. */
  endMs: 5_000,
};
const STDERR = 2;

/**
 * Undefined: the program ended with 0. Otherwise what went wrong, as the end of a sentence. At `stop` it is asked to
 * end. No text is in its arguments, which every user of the machine can read; what it writes goes to stderr.
 */
export const attempt = (
  program: string,
  text: string,
  stop: AbortSignal,
  { runMs, endMs } = PATIENCE,
): Promise<string | undefined> =>
  new Promise((resolve) => {
    // A group of its own: what a script has started hangs with it, and is ended with it.
    const child = spawn(program, [], { stdio: ['pipe', STDERR, STDERR], detached: true });
    const kill = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // All of it has ended.
      }
    };
    let isLate = false;
    let killer: NodeJS.Timeout | undefined;
    const end = (): void => {
      kill('SIGTERM');
      killer ??= setTimeout(() => kill('SIGKILL'), endMs);
    };
    const watch = setTimeout(() => {
      isLate = true;
      end();
    }, runMs);
    const settle = (trouble: string | undefined): void => {
      clearTimeout(watch);
      clearTimeout(killer);
      if (isLate) kill('SIGKILL');
      stop.removeEventListener('abort', end);
      resolve(trouble);
    };
    stop.addEventListener('abort', end);
    child.once('error', ({ message }) => settle(`could not be started (${message})`));
    child.once('exit', (code, signal) => {
      if (code === 0) settle(undefined);
      else if (isLate) settle(`had not ended after ${runMs / 1000} s`);
      else settle(code === null ? `was ended by ${signal}` : `ended with code ${code}`);
    });
    child.stdin?.on('error', () => {}); // it need not read
    child.stdin?.end(text);
  });
