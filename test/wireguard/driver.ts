// Runs inside a host of the lab and does there, with the real modules, what a test in another process asks for.
import { Failure } from '../../src/values/failure.ts';
import { PrivateKey } from '../../src/values/key.ts';
import type { InterfaceName } from '../../src/values/name.ts';
import type { Backend, Device, DeviceState, Step } from '../../src/wireguard/device.ts';
import { KernelDevice } from '../../src/wireguard/kernel.ts';
import { linkNamed } from '../../src/wireguard/link.ts';
import { localAddresses, routesOverlapping } from '../../src/wireguard/routes.ts';
import { bringUp, openDevice, type TunnelConfig, takeDown } from '../../src/wireguard/tunnel.ts';
import { startUserspace, UserspaceDevice } from '../../src/wireguard/userspace.ts';

/** A step as it passes a channel: there a private key is text. */
type SentStep = Exclude<Step, { kind: 'privateKey' }> | { kind: 'privateKey'; privateKey: string };

const devices = new Map<string, Device>();

const device = (name: InterfaceName, backend: Backend): Device => {
  const id = `${backend} ${name}`;
  const known = devices.get(id);
  if (known) return known;
  const made = backend === 'kernel' ? new KernelDevice(name) : new UserspaceDevice(name);
  devices.set(id, made);
  return made;
};

const revive = (step: SentStep): Step =>
  step.kind === 'privateKey' ? { ...step, privateKey: PrivateKey.parse(step.privateKey) } : step;

const calls = {
  bringUp: async (config: TunnelConfig) => {
    const reasons: string[] = [];
    const { device, state, adopted } = await bringUp(config, (reason) => reasons.push(reason));
    return { backend: device.backend, state, adopted, reasons };
  },
  takeDown,
  startUserspace: async (name: InterfaceName, patience: number) => {
    await startUserspace(name, patience);
  },
  open: async (name: InterfaceName) => (await openDevice(name))?.backend,
  apply: (name: InterfaceName, steps: SentStep[], backend: Backend = 'userspace') =>
    device(name, backend).apply(steps.map(revive)),
  read: (name: InterfaceName, backend: Backend = 'userspace'): Promise<DeviceState> =>
    device(name, backend).read(),
  link: linkNamed,
  routesOverlapping,
  localAddresses: async (except?: InterfaceName) => localAddresses(except),
  setEnv: async (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  },
};
export type Calls = typeof calls;

type Order = { id: number; call: keyof Calls; args: unknown[] };

process.on('message', async ({ id, call, args }: Order) => {
  try {
    const value = await (calls[call] as (...args: unknown[]) => Promise<unknown>)(...args);
    process.send?.({ id, value });
  } catch (error) {
    const hint = error instanceof Failure ? error.hint : undefined;
    process.send?.({ id, error: { name: (error as Error).name, message: (error as Error).message, hint } });
  }
});
