// What the supervisor of a process hears of it, over a socket as systemd's.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Supervisor } from '../../src/cli/supervisor.ts';
import { folderForSockets } from '../folder-for-sockets.ts';
import { NotifySocket } from '../notify-socket.ts';

let folder: string;
let ear: NotifySocket;
beforeEach(() => {
  folder = folderForSockets('supervisor-');
  ear = new NotifySocket(join(folder, 'notify'));
});
afterEach(() => {
  ear.close();
  rmSync(folder, { recursive: true });
});

const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  NOTIFY_SOCKET: ear.path,
  ...more,
});

it('hears that all is ready, and that the end comes', async () => {
  const supervisor = Supervisor.find(environment());
  expect(ear.said).toEqual([]);
  await supervisor.ready(() => 'serving acme');
  supervisor.stopping();
  expect(ear.said).toEqual(['READY=1\nSTATUS=serving acme\n', 'STOPPING=1\n']);
});

it('is told again and again that the process is alive, and news of its status', async () => {
  let status = 'one';
  const supervisor = Supervisor.find(environment({ WATCHDOG_USEC: '60000' }));
  await supervisor.ready(() => status);
  await ear.hears('WATCHDOG=1', 3);
  status = 'two';
  await ear.hears('STATUS=two');
  status = 'three';
  await ear.hears('STATUS=three');
  const before = ear.count('WATCHDOG=1');
  await ear.hears('WATCHDOG=1', before + 3);
  expect(ear.count('STATUS=two')).toBe(1);
  supervisor.stopping();
});

it('does not hear from a process whose event loop hangs, nor after the end was announced', async () => {
  const supervisor = Supervisor.find(environment({ WATCHDOG_USEC: '30000' }));
  await supervisor.ready(() => '');
  await ear.hears('WATCHDOG=1');
  const before = ear.count('WATCHDOG=1');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  expect(ear.count('WATCHDOG=1')).toBe(before);
  await ear.hears('WATCHDOG=1', before + 1);
  supervisor.stopping();
  const last = ear.count('WATCHDOG=1');
  await sleep(100);
  expect(ear.count('WATCHDOG=1')).toBe(last);
});

it('gets no signs of life that are meant for another process', async () => {
  const supervisor = Supervisor.find(environment({ WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' }));
  await supervisor.ready(() => '');
  await sleep(50);
  expect(ear.count('WATCHDOG=1')).toBe(0);
  supervisor.stopping();
});

it('is not named to the children of the process', async () => {
  const env = environment({ WATCHDOG_USEC: '1000000', WATCHDOG_PID: `${process.pid}`, PATH: '/bin' });
  const supervisor = Supervisor.find(env);
  expect(env).toEqual({ PATH: '/bin' });
  supervisor.stopping();
});

it('may listen at a name that is in no file system', async () => {
  const abstract = new NotifySocket(`@innernet-test-${process.pid}`);
  try {
    const supervisor = Supervisor.find({ NOTIFY_SOCKET: abstract.path });
    await supervisor.ready(() => 'up');
    expect(abstract.said).toEqual(['READY=1\nSTATUS=up\n']);
    supervisor.stopping();
  } finally {
    abstract.close();
  }
});

it.each([
  {},
  { NOTIFY_SOCKET: '' },
  { NOTIFY_SOCKET: 'vsock:2:1' },
  { NOTIFY_SOCKET: `/${'x'.repeat(200)}` },
])('may be missing: %j', async (env) => {
  const supervisor = Supervisor.find({ ...env, WATCHDOG_USEC: '1000' });
  await supervisor.ready(() => 'up');
  supervisor.stopping();
});
