/** A kernel WireGuard device, driven by `wg`; that drives userspace devices too, and tests use one. */

import { Turns } from '../machine/turns.ts';
import type { InterfaceName } from '../values/name.ts';
import { type Device, type DeviceState, portInUse, type Step } from './device.ts';
import { failureOf, run, sure } from './program.ts';
import { deviceStateOfDump, setCalls, type WgCall } from './wg.ts';

export class KernelDevice implements Device {
  readonly name: InterfaceName;
  readonly backend = 'kernel';
  readonly #turns = new Turns();

  constructor(name: InterfaceName) {
    this.name = name;
  }

  apply(steps: readonly Step[]): Promise<void> {
    return this.#turns.take(async () => {
      for (const call of setCalls(this.name, steps)) await this.#set(call);
    });
  }

  async read(): Promise<DeviceState> {
    return deviceStateOfDump(await sure('wg', ['show', this.name, 'dump']));
  }

  async #set({ args, privateKey }: WgCall): Promise<void> {
    const { code, stderr } = await run('wg', args, privateKey ? `${privateKey.reveal()}\n` : '');
    if (code === 0) return;
    const port = args[args.indexOf('listen-port') + 1];
    if (!/address already in use/i.test(stderr)) throw failureOf('wg', stderr.trim() || `exit ${code}`);
    throw portInUse(Number(port));
  }
}

/** Makes a device; undefined if the kernel has no WireGuard. Throws a `Failure` for other errors. */
export const createKernel = async (name: InterfaceName): Promise<KernelDevice | undefined> => {
  const { code, stderr } = await run('ip', ['link', 'add', name, 'type', 'wireguard']);
  if (code === 0) return new KernelDevice(name);
  if (/unknown device type|not supported/i.test(stderr)) return undefined;
  throw failureOf('ip', `cannot make the network interface ${name}: ${stderr.trim()}`);
};
