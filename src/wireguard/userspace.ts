/** A WireGuard device with its own process, such as wireguard-go, driven through its socket. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, closeSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Turns } from '../machine/turns.ts';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import type { Device, DeviceState, Step } from './device.ts';
import { environment, missingProgram } from './program.ts';
import { answers, ask, settles } from './socket.ts';
import { deviceStateOf, GET, setOperation } from './uapi.ts';

const implementation = (): string => process.env.WG_USERSPACE_IMPLEMENTATION || 'wireguard-go';

export class UserspaceDevice implements Device {
  readonly name: InterfaceName;
  readonly backend = 'userspace';
  readonly #turns = new Turns();

  constructor(name: InterfaceName) {
    this.name = name;
  }

  async apply(steps: readonly Step[]): Promise<void> {
    if (steps.length > 0) await this.#turns.take(() => ask(this.name, setOperation(steps)));
  }

  async read(): Promise<DeviceState> {
    return deviceStateOf(await ask(this.name, GET));
  }
}

/** Limit until the socket answers. */
const START_MS = 10_000;

/**
 * Starts the implementation and waits until its socket answers. It outlives us: its own session, no stream,
 * no signal of ours. Throws a `Failure`.
 */
export const startUserspace = async (name: InterfaceName, patience = START_MS): Promise<UserspaceDevice> => {
  const program = implementation();
  requireTun();
  const log = namelessLog();
  try {
    const child = spawn(program, [name], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'ignore', log],
      env: { ...environment(), ...settings() },
    });
    let end: { code: number | null; cause?: Error } | undefined;
    child.once('error', (cause) => {
      end = { code: null, cause };
    });
    // It exits 0 when it is ready in the background; one that stays is ready when it answers.
    child.once('exit', (code) => {
      end ??= { code };
    });
    child.unref();
    const failed = () => end !== undefined && end.code !== 0;
    const hasEnded = await settles(async () => failed() || (await answers(name)), patience);
    if (failed()) throw complaint(program, name, end?.cause, readFileSync(`/proc/self/fd/${log}`, 'utf8'));
    if (!hasEnded) {
      child.kill();
      throw new Failure(`${program} was started for ${name} and does not answer`, {
        hint: 'see whether this machine is overloaded, then try again',
      });
    }
  } finally {
    closeSync(log);
  }
  const device = new UserspaceDevice(name);
  // It listens before it has set the interface up (and its MTU), and answers after that.
  await device.read();
  return device;
};

const requireTun = (): void => {
  try {
    accessSync('/dev/net/tun');
  } catch (cause) {
    throw new Failure('there is no /dev/net/tun on this machine', {
      hint: 'load the module: sudo modprobe tun; a container needs the device passed in: --device /dev/net/tun',
      cause,
    });
  }
};

/** The environment's settings, without those that only the parent may make. */
const settings = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) =>
        /^(WG_|WIREGUARD_)/.test(key) && !/^WG_(TUN_FD|UAPI_FD|PROCESS_FOREGROUND|TUN_NAME_FILE)$/.test(key),
    ),
  );

const complaint = (program: string, name: InterfaceName, cause: Error | undefined, log: string): Failure => {
  if (cause && 'code' in cause && cause.code === 'ENOENT') return missingProgram(program, cause);
  if (/not permitted|permission denied/i.test(log))
    return new Failure(`not allowed to make the network interface ${name}`, {
      hint: 'run it as root, with sudo',
    });
  const reason = log
    .split('\n')
    .findLast((line) => /[a-z]/i.test(line) && !/[\u2502\u250c\u2514]/.test(line));
  return new Failure(
    `${program} could not make ${name}: ${reason?.trim() ?? cause?.message ?? 'no reason'}`,
    {
      cause,
    },
  );
};

/** A nameless file: a pipe would break when we end, and the program with it. */
const namelessLog = (): number => {
  const path = join(tmpdir(), `.innernet-${randomBytes(12).toString('hex')}`);
  const fd = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return fd;
};
