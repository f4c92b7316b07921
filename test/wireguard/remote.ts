// A machine of the lab with our WireGuard modules at work in it, to be called as if they were here.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Failure } from '../../src/values/failure.ts';
import type { Host } from '../lab.ts';
import type { Calls } from './driver.ts';

/** Bundles the driver; returns its path and what removes it. */
export const makeDriver = async (): Promise<{ path: string; remove: () => void }> => {
  const folder = mkdtempSync(join(tmpdir(), 'driver-'));
  const path = join(folder, 'driver.mjs');
  const source = fileURLToPath(new URL('driver.ts', import.meta.url));
  await build({
    entryPoints: [source],
    outfile: path,
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    logLevel: 'warning',
  });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
};

type Reply = { id: number; value?: unknown; error?: { name: string; message: string; hint?: string } };

/** Every call of the driver, and `quit`: the end of the process that made them. */
export type Remote = Calls & { quit(): Promise<void> };

export const remoteOn = (host: Host, driver: string): Remote => {
  const child = host.fork(driver);
  const waiting = new Map<number, (reply: Reply) => void>();
  let last = 0;
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply));
  const call = (name: string, args: unknown[]) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ value, error }) => {
        if (!error) resolve(value);
        else if (error.name === 'Failure') reject(new Failure(error.message, { hint: error.hint }));
        else reject(new Error(error.message));
      });
      child.send({ id, call: name, args });
    });
  const quit = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  return new Proxy({} as Remote, {
    get: (_, name: string) => {
      if (name === 'then') return undefined; // so that it can be awaited
      return name === 'quit' ? quit : (...args: unknown[]) => call(name, args);
    },
  });
};
