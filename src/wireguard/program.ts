/** Runs programs such as ip and wg: arguments as a list, no shell, no secrets in them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Failure } from '../values/failure.ts';

export type Outcome = { code: number | null; stdout: string; stderr: string };

const PACKAGES: { [program: string]: string } = {
  ip: 'iproute2',
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  nft: 'nftables',
};

export const missingProgram = (program: string, cause?: unknown): Failure => {
  const name = PACKAGES[program];
  return new Failure(`the program ${program} is missing`, {
    hint: name ? `install it: sudo apt-get install ${name}` : 'check the name and PATH',
    cause,
  });
};

/** Runs a program to its end, with any exit code. Throws a `Failure` if the program is missing. */
export const run = (program: string, args: readonly string[], input = ''): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const stdin = input === '' ? 'ignore' : namelessFile(input);
    const child = spawn(program, args, { stdio: [stdin, 'pipe', 'pipe'], env: environment() });
    if (typeof stdin === 'number') closeSync(stdin);
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(cause.code === 'ENOENT' ? missingProgram(program, cause) : cause),
    );
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });

/**
 * Starts a program with an unfinished line on stdin; it carries the line out when our end closes, also by a
 * kill.
 */
export const startWaiting = (program: string, args: readonly string[], line: string): ChildProcess => {
  const child = spawn(program, args, {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: environment(),
    detached: true,
  });
  child.on('error', () => {}).unref();
  child.stdin.on('error', () => {}).write(line);
  return child;
};

/** Starts a program that tells on stdout until it is killed. It does not keep this process. */
export const startTelling = (
  program: string,
  args: readonly string[],
  hear: (line: string) => void,
): ChildProcess => {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: environment() });
  child.on('error', () => {}).unref();
  createInterface(child.stdout).on('line', hear);
  // A pipe of Node is a socket.
  (child.stdout as Socket).unref();
  return child;
};

/** As `run`, but gives stdout. Throws a `Failure` with the program's message unless it exits 0. */
export const sure = async (program: string, args: readonly string[], input = ''): Promise<string> => {
  const { code, stdout, stderr } = await run(program, args, input);
  if (code === 0) return stdout;
  throw failureOf(program, stderr.trim() || `exit ${code}`);
};

export const failureOf = (program: string, complaint: string): Failure => {
  const reason = complaint.split('\n')[0] ?? '';
  const forbidden = /not permitted|permission denied/i.test(complaint);
  return new Failure(`${program} failed: ${reason.replace(/\.$/, '')}`, {
    hint: forbidden ? 'run it as root, with sudo' : undefined,
  });
};

/** English messages, to be parsed, and a search path. */
export const environment = (): NodeJS.ProcessEnv => ({ PATH: searchPath(), LC_ALL: 'C' });

/** `ip` and `wg` are in sbin, which PATH may lack. */
const searchPath = (): string => `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/**
 * A nameless file, in memory if possible, since the text may be secret. A program cannot open Node's pipes
 * (sockets) as /dev/stdin.
 */
const namelessFile = (text: string): number => {
  const path = join(memoryFolder(), `.innernet-${randomBytes(12).toString('hex')}`);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_WRONLY } = constants;
  const writer = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeSync(writer, text);
    return openSync(path, O_RDWR | O_NOFOLLOW);
  } finally {
    closeSync(writer);
    unlinkSync(path);
  }
};

const memoryFolder = (): string => {
  try {
    const folder = '/dev/shm';
    closeSync(openSync(folder, constants.O_DIRECTORY));
    return folder;
  } catch {
    return tmpdir();
  }
};
