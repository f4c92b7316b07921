// A program that runs on a host of the lab: its lines as they come, its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Ended = { code: number | null; signal: NodeJS.Signals | null };
export type Answer = { code: number | null; stdout: string; stderr: string };
export type RunOptions = { input?: string; env?: Record<string, string>; timeout?: number };

/**
 * An open file, nameless by now, that reads as the text: as `program <file` would. (Node's own pipes are sockets,
 * which a program cannot open as /dev/stdin.)
 */
const fileWith = (text: string): number => {
  const folder = mkdtempSync(join(tmpdir(), 'lab-'));
  const path = join(folder, 'input');
  const writer = openSync(path, 'wx', 0o600);
  writeSync(writer, text);
  closeSync(writer);
  const reader = openSync(path, 'r');
  rmSync(folder, { recursive: true });
  return reader;
};

/** Runs to the end and answers with all that was written; throws when it takes longer than `timeout` ms. */
export const run = (
  argv: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  { input = '', timeout = 30_000 }: RunOptions,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const [program, ...rest] = argv;
    const stdin = fileWith(input);
    const child = spawn(program, rest, { env, detached: true, stdio: [stdin, 'pipe', 'pipe'] });
    closeSync(stdin);
    const [stdout, stderr]: Buffer[][] = [[], []];
    const answer = () => ({
      stdout: Buffer.concat(stdout ?? []).toString(),
      stderr: Buffer.concat(stderr ?? []).toString(),
    });
    child.stdout?.on('data', (chunk: Buffer) => stdout?.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr?.push(chunk));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
      const { stdout, stderr } = answer();
      reject(new Error(`${argv.join(' ')} took more than ${timeout} ms\n${stdout}${stderr}`));
    }, timeout);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...answer() });
    });
  });

export class Running {
  /** Every line so far, both streams, in the order in which they arrived. */
  readonly lines: string[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #end: Ended | undefined;

  constructor(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    const [program, ...rest] = argv;
    this.#child = spawn(program, rest, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#note(line));
    this.#child.stdin?.on('error', () => {}); // it may end without reading
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => this.#note(String(error)));
      this.#child.on('close', (code, signal) => {
        this.#end = { code, signal };
        this.#wake();
        resolve(this.#end);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#end === undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** The first line, past or to come, that matches; throws when the program ends or `timeout` ms pass before. */
  line(pattern: RegExp, timeout = 30_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const give = (why: string) =>
        new Error(`${why} without a line like ${pattern}:\n${this.lines.join('\n')}`);
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        act();
      };
      const look = () => {
        const end = this.#end;
        const found = this.lines.find((line) => pattern.test(line));
        if (found !== undefined) settle(() => resolve(found));
        else if (end) settle(() => reject(give(`it ended (${end.signal ?? end.code})`)));
      };
      const timer = setTimeout(() => settle(() => reject(give(`${timeout} ms passed`))), timeout);
      this.#listeners.add(look);
      look();
    });
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.kill(signal);
    return this.ended;
  }

  #note(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  #wake(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
