// README's first network and every page of examples/, typed word for word on real hosts with the real programs.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Host, Lab } from '../lab.ts';
import { patternOf, type Step, shows, stepsOf } from '../transcript.ts';

const pages = [
  'README.md',
  ...(existsSync('examples') ? readdirSync('examples').map((file) => `examples/${file}`) : []),
];

const linkPrograms = (bin: string): void => {
  mkdirSync(bin);
  for (const name of ['innernet', 'inn', 'innernet-server']) {
    symlinkSync(resolve('dist', name === 'inn' ? 'innernet.js' : `${name}.js`), join(bin, name));
  }
};

const play = async (steps: readonly Step[]): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-page-'));
  linkPrograms(join(folder, 'bin'));
  const lab = await Lab.create({ env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` } });
  const hosts = new Map<string, Host>();
  try {
    for (const step of steps) {
      const host = hosts.get(step.host) ?? (await lab.host(step.host));
      hosts.set(step.host, host);
      await take(host, step, folder);
    }
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

const take = async (host: Host, { command, background, answer }: Step, folder: string): Promise<void> => {
  const argv = ['sh', '-c', `cd ${folder} && ${background ? 'exec ' : ''}${command}`];
  if (background) {
    const running = host.spawn(argv);
    for (const line of answer.length > 0 ? answer : ['…']) await running.line(patternOf(line));
    return;
  }
  const { code, stdout, stderr } = await host.exec(argv);
  expect(code, `${host.name}# ${command}\n${stdout}${stderr}`).toBe(0);
  expect(shows(stdout, answer), `${host.name}# ${command}\n${stdout}`).toBe(true);
};

describe('pages that show commands', () => {
  it.each(pages)('%s runs as it stands', async (page) => {
    const steps = stepsOf(readFileSync(page, 'utf8'));
    expect(steps.length).toBeGreaterThan(0);
    await play(steps);
  });
});
