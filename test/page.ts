// A page with commands and answers, typed word for word on hosts of the lab with the real programs.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { type Host, Lab } from './lab.ts';
import { patternOf, type Step, shows, stepsOf } from './transcript.ts';

const linkPrograms = (bin: string): void => {
  mkdirSync(bin);
  for (const name of ['innernet', 'inn', 'innernet-server']) {
    symlinkSync(resolve('dist', name === 'inn' ? 'innernet.js' : `${name}.js`), join(bin, name));
  }
};

/** The hosts that a page puts behind routers. */
const BEHIND = /^<!-- each behind a router that changes ports: (.*) -->$/m;

/** Hosts by name, made when somebody first types on them, and a folder that all of them work in. */
export class Stage {
  readonly folder: string;
  readonly #lab: Lab;
  readonly #hosts = new Map<string, Host>();
  #behind: readonly string[] = [];

  private constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.folder = folder;
  }

  static async create(): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'innernet-page-'));
    linkPrograms(join(folder, 'bin'));
    const env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
    return new Stage(await Lab.create({ env }), folder);
  }

  async host(name: string): Promise<Host> {
    const host = this.#hosts.get(name) ?? (await this.#plug(name));
    this.#hosts.set(name, host);
    return host;
  }

  async #plug(name: string): Promise<Host> {
    if (!this.#behind.includes(name)) return this.#lab.host(name);
    return this.#lab.host(name, { behind: await this.#lab.router(`of-${name}`, { ports: 'random' }) });
  }

  /** Types all that a page shows; throws where something else comes back. Gives the number of commands. */
  async play(markdown: string): Promise<number> {
    const steps = stepsOf(markdown);
    this.#behind = BEHIND.exec(markdown)?.[1]?.split(' ') ?? [];
    for (const step of steps) await this.#take(await this.host(step.host), step);
    return steps.length;
  }

  async close(): Promise<void> {
    await this.#lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #take(host: Host, { command, background, answer }: Step): Promise<void> {
    const argv = ['sh', '-c', `cd "$0" && ${background ? 'exec ' : ''}${command}`, this.folder];
    if (background) {
      const running = host.spawn(argv);
      for (const line of answer.length > 0 ? answer : ['…']) await running.line(patternOf(line));
      return;
    }
    const { code, stdout, stderr } = await host.exec(argv);
    expect(code, `${host.name}# ${command}\n${stdout}${stderr}`).toBe(0);
    expect(shows(stdout, answer), `${host.name}# ${command}\n${stdout}`).toBe(true);
  }
}
