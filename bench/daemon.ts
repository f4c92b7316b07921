/** Resident memory of a client that is merely up, beside a bare program with one WebSocket. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beside, type Measured, type Row } from './figure.ts';
import { PATHS, type Path, Scene } from './scene.ts';

const BARE = resolve('bench/bare/one-stream.js');
const INSTANCES = 3;
/** So long they are idle before they are looked at, in milliseconds: folding and the first comparisons are over. */
const IDLE_MS = 20_000;

const memoryOf = (pid: number | undefined): number => {
  const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
};

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
};

/** The daemons of the scene's peers. */
const daemons = (scene: Scene): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const line = commandLine(pid);
      return line.includes(scene.folder) && line.includes('innernet.js') && line.includes('up --daemon');
    })
    .map(Number);

const measure = async (): Promise<Measured[]> => {
  const scene = await Scene.create(PATHS[0] as Path);
  const server = fork(BARE);
  const [port] = (await once(server, 'message')) as [number];
  const bare = Array.from({ length: INSTANCES }, () => spawn(process.execPath, [BARE, String(port)]));
  try {
    await Promise.all(bare.map(({ stdout }) => once(stdout, 'data')));
    await pause(IDLE_MS);
    const ours = daemons(scene).map(memoryOf);
    const yardstick = bare.map(({ pid }) => memoryOf(pid));
    return [beside({ name: 'memory of an idle client', unit: 'MiB' }, ours, yardstick, { atMost: 1.4 })];
  } finally {
    for (const child of bare) child.kill();
    server.disconnect();
    await scene.close();
  }
};

export const daemon: Row = {
  name: 'daemon',
  what: 'resident memory of an idle client; yardstick: node with one ws connection',
  measure,
};
