/** Brings tunnels up and down: an adopted or new WireGuard device with address and route, no peers. */
import { Failure } from '../values/failure.ts';
import { PublicKey } from '../values/key.ts';
import type { InterfaceName } from '../values/name.ts';
import type { Backend, Device, DeviceState } from './device.ts';
import { createKernel, KernelDevice } from './kernel.ts';
import { carryOut, type Link, type LinkConfig, linkNamed, repairs } from './link.ts';
import { run, sure } from './program.ts';
import { removeGuard } from './range-guard.ts';
import { answers, beginning, settles } from './socket.ts';
import { deviceStateOf, GET } from './uapi.ts';
import { startUserspace, UserspaceDevice } from './userspace.ts';

/** innernet 2.0's default, in bytes: fits nearly every path, and is IPv6's minimum. */
export const DEFAULT_MTU = 1280;

export type TunnelConfig = Omit<LinkConfig, 'mtu' | 'routing'> & {
  mtu?: number | undefined;
  /** Default: true. */
  routing?: boolean | undefined;
  /** For a new device; default: whichever works. */
  backend?: Backend | undefined;
};

export type Tunnel = {
  device: Device;
  /** Compare it with the wanted state before any other change. */
  state: DeviceState;
  adopted: boolean;
};

/**
 * Makes sure that the device exists, has address, route and MTU, and listens; adds only what is missing.
 * `onFallback` hears why userspace is used. Throws a `Failure`.
 */
export const bringUp = async (
  { mtu = DEFAULT_MTU, routing = true, backend, ...config }: TunnelConfig,
  onFallback: (reason: string) => void = () => {},
): Promise<Tunnel> => {
  const { name } = config;
  const link = await linkNamed(name);
  const device = link ? await adopt(name, link) : await create(name, backend, onFallback);
  await carryOut(repairs(link, { ...config, mtu, routing }));
  return { device, state: await listening(device), adopted: link !== undefined };
};

/** The device, if it exists. Throws a `Failure` if another kind of interface has the name. */
export const openDevice = async (name: InterfaceName): Promise<Device | undefined> => {
  if (await answers(name)) return new UserspaceDevice(name);
  const link = await linkNamed(name);
  return link && adopt(name, link);
};

/** The public key tells the device's owner, faster than a reading; undefined without device or key. */
export const deviceKey = async (name: InterfaceName): Promise<PublicKey | undefined> => {
  const text = await beginning(name, GET, ENDS_DEVICE);
  if (text !== undefined) return deviceStateOf(text.split(ENDS_DEVICE)[0] ?? '').publicKey;
  const { code, stdout } = await run('wg', ['show', name, 'public-key']);
  return code === 0 ? PublicKey.safeParse(stdout.trim()).data : undefined;
};

/** What follows the device's own lines in an answer. */
const ENDS_DEVICE = /^(?:public_key|errno)=/m;

/** Removes device, session keys and guard; false if there was no device. */
export const takeDown = async (name: InterfaceName): Promise<boolean> => {
  const link = await linkNamed(name);
  try {
    return await takeLinkDown(name, link);
  } finally {
    await removeGuard(name);
  }
};

const takeLinkDown = async (name: InterfaceName, link: Link | undefined): Promise<boolean> => {
  if (!link) return false;
  await adopt(name, link);
  await sure('ip', ['link', 'delete', 'dev', name]);
  await isFree(name);
  return true;
};

/** Limit for a device to begin or end. */
const CHANGE_MS = 5_000;

const adopt = async (name: InterfaceName, { kind }: Link): Promise<Device> => {
  if (kind === 'wireguard') return new KernelDevice(name);
  // Its program may have just begun.
  if (kind === 'tun' && (await settles(() => answers(name), CHANGE_MS))) return new UserspaceDevice(name);
  throw new Failure(`there is a network interface ${name} that is no WireGuard device`, {
    hint: `if nobody needs it: sudo ip link delete ${name}`,
  });
};

const create = async (
  name: InterfaceName,
  backend: Backend | undefined,
  onFallback: (reason: string) => void,
): Promise<Device> => {
  if (backend !== 'userspace') {
    const device = await createKernel(name);
    if (device) return device;
    if (backend === 'kernel')
      throw new Failure('this kernel has no WireGuard', { hint: 'use the other one: --backend userspace' });
    onFallback('this kernel has no WireGuard: a userspace process carries the traffic');
  }
  await isFree(name);
  return startUserspace(name);
};

/** A removed device's process needs a moment to release its socket. */
const isFree = (name: InterfaceName): Promise<boolean> =>
  settles(async () => !(await answers(name)), CHANGE_MS);

/** A userspace device learns late that its interface is up; packets before that are lost. */
const listening = async (device: Device): Promise<DeviceState> => {
  let state = await device.read();
  const listens = async () => {
    if (state.listenPort === 0) state = await device.read();
    return state.listenPort !== 0;
  };
  if (await settles(listens, CHANGE_MS / 10)) return state;
  // The port was taken, and the device does not try another.
  await device.apply([{ kind: 'listenPort', listenPort: 0 }]);
  if (await settles(listens, CHANGE_MS / 10)) return state;
  await carryOut([`link set dev ${device.name} down`, `link set dev ${device.name} up`]);
  if (await settles(listens, CHANGE_MS)) return state;
  throw new Failure(`the WireGuard device ${device.name} does not listen to any UDP port`);
};
