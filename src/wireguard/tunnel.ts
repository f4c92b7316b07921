/** Bringing a tunnel up and down: a WireGuard device, adopted or made, with its address and route. Peers: plan.ts. */
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

/** innernet's default, in bytes: fits nearly every path, and is the least that IPv6 allows. */
const DEFAULT_MTU = 1280;

export type TunnelConfig = Omit<LinkConfig, 'mtu' | 'routing'> & {
  /** `DEFAULT_MTU` unless told. */
  mtu?: number | undefined;
  /** True unless told. */
  routing?: boolean | undefined;
  /** For a device that is not there yet; whichever works unless told. */
  backend?: Backend | undefined;
};

export type Tunnel = {
  device: Device;
  /** What is on the device: compare it with what should be there before anything else changes it. */
  state: DeviceState;
  /** Whether the device was there already. */
  adopted: boolean;
};

/**
 * Makes sure that the device is there, has the address, the route and the MTU, is up and listens. What is there is
 * adopted, only what is missing is added; the second time nothing is. `onFallback` hears the reason when the
 * userspace is used because the kernel has no WireGuard. Throws a `Failure`.
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

/** The device of that name, if there is one; throws a `Failure` if something else has the name. */
export const openDevice = async (name: InterfaceName): Promise<Device | undefined> => {
  if (await answers(name)) return new UserspaceDevice(name);
  const link = await linkNamed(name);
  return link && adopt(name, link);
};

/**
 * The public key of the device of that name, which tells whose it is; undefined where there is no WireGuard device, or it
 * has none. Quicker than to open and read it.
 */
export const deviceKey = async (name: InterfaceName): Promise<PublicKey | undefined> => {
  const text = await beginning(name, GET, ENDS_DEVICE);
  if (text !== undefined) return deviceStateOf(text.split(ENDS_DEVICE)[0] ?? '').publicKey;
  const { code, stdout } = await run('wg', ['show', name, 'public-key']);
  return code === 0 ? PublicKey.safeParse(stdout.trim()).data : undefined;
};

/** What comes after that which an answer says of the device itself: its first peer, or the end. */
const ENDS_DEVICE = /^(?:public_key|errno)=/m;

/** Removes the device, its session keys with it, and its guard; false when there was no device. */
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

/** How long a device may take to begin or end. */
const CHANGE_MS = 5_000;

const adopt = async (name: InterfaceName, { kind }: Link): Promise<Device> => {
  if (kind === 'wireguard') return new KernelDevice(name);
  // Its program may have begun a moment ago.
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

/** The process behind a device that was removed a moment ago still has to let go of its socket. */
const isFree = (name: InterfaceName): Promise<boolean> =>
  settles(async () => !(await answers(name)), CHANGE_MS);

/** A userspace device learns only a moment later that its interface is up; packets before that are lost. */
const listening = async (device: Device): Promise<DeviceState> => {
  let state = await device.read();
  const listens = async () => {
    if (state.listenPort === 0) state = await device.read();
    return state.listenPort !== 0;
  };
  if (await settles(listens, CHANGE_MS / 10)) return state;
  // The port that it was to have was taken, and it does not try another by itself.
  await device.apply([{ kind: 'listenPort', listenPort: 0 }]);
  if (await settles(listens, CHANGE_MS / 10)) return state;
  await carryOut([`link set dev ${device.name} down`, `link set dev ${device.name} up`]);
  if (await settles(listens, CHANGE_MS)) return state;
  throw new Failure(`the WireGuard device ${device.name} does not listen to any UDP port`);
};
