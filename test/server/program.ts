// The built innernet-server, run as a person would, with folders of its own.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellWord } from '../../src/domain/rejection.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/innernet-server.js', import.meta.url));

export type Ended = { code: number | null; stdout: string; stderr: string };

export class ServerProgram {
  readonly folder = mkdtempSync(join(tmpdir(), 'innernet-server-'));
  readonly configDir = join(this.folder, 'etc');
  readonly dataDir = join(this.folder, 'lib');

  /** Arguments of `node` that run the program. */
  command(...args: string[]): string[] {
    return [PROGRAM, '--config-dir', this.configDir, '--data-dir', this.dataDir, ...args];
  }

  start(...args: string[]): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, this.command(...args), { env: { ...process.env, SUDO_USER: 'ann' } });
  }

  async run(...args: string[]): Promise<Ended> {
    return ended(this.start(...args));
  }

  /** As `run`, with these variables in the environment too. */
  async runWith(env: { [name: string]: string }, ...args: string[]): Promise<Ended> {
    const environment = { ...process.env, SUDO_USER: 'ann', ...env };
    return ended(spawn(process.execPath, this.command(...args), { env: environment }));
  }

  /** What a terminal shows of it, escapes and all. */
  async atTerminal(env: { [name: string]: string }, ...args: string[]): Promise<string> {
    const line = [process.execPath, ...this.command(...args)].map(shellWord).join(' ');
    const environment = { ...process.env, SUDO_USER: 'ann', TERM: 'xterm', ...env };
    const child = spawn('script', ['-qefc', line, '/dev/null'], { env: environment });
    return (await ended(child)).stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const ended = (child: ChildProcessWithoutNullStreams): Promise<Ended> =>
  new Promise((resolve) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.stdin.end();
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
