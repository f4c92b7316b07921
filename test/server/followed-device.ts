// Runs inside a host of the lab: a log, a WireGuard device and the follower between them, called from the test.
import { join } from 'node:path';
import type { Command } from '../../src/domain/command.ts';
import type { Actor } from '../../src/events/actor.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { DeviceFollower } from '../../src/server/device/device-follower.ts';
import { Limits } from '../../src/server/limits.ts';
import { Live } from '../../src/server/live/live.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { Observations } from '../../src/server/observations/observations.ts';
import { LingeringKeys } from '../../src/server/sessions/lingering-keys.ts';
import { Sessions } from '../../src/server/sessions/sessions.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import type { Endpoint } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { Cidr } from '../../src/values/ip.ts';
import type { InterfaceName } from '../../src/values/name.ts';
import type { Step } from '../../src/wireguard/device.ts';
import { bringUp, type Tunnel } from '../../src/wireguard/tunnel.ts';
import { keysOf } from '../acme.ts';

const RANGE = '10.42.0.0/16' as Cidr;
const OPERATOR: Actor = { kind: 'operator', uid: 0, user: 'root' };

let tunnel: Tunnel;
let live: Live;
let plane: ControlPlane;
let observations: Observations;
let follower: DeviceFollower;
let sessions: Sessions;
/** Peers that were revoked and not told yet; the rest count as told at once. */
const untold = new Map<PeerId, (value?: unknown) => void>();
let tellsAtOnce = true;

const execute = async (command: Command, actor: Actor): Promise<void> => {
  const { position } = await plane.execute(command, { actor });
  await live.reached(position);
};

/** Every key on the device by its owner, with what is routed to it. */
const onDevice = async (owners: string[]): Promise<Record<string, string>> => {
  const { peers } = await tunnel.device.read();
  const names = new Map(owners.map((owner) => [keysOf(owner).publicKey as string, owner]));
  return Object.fromEntries(
    [...peers.values()].map(({ publicKey, allowedIps }) => [
      names.get(publicKey) ?? publicKey,
      allowedIps.join(),
    ]),
  );
};

const calls = {
  /** `folder` is for the log. */
  start: async (folder: string): Promise<void> => {
    const file = join(folder, 'acme.events');
    const log = await openSqliteLog({ file, readModels: READ_MODELS, mode: 'create' });
    plane = new ControlPlane(log, await LoggedNetwork.load(log));
    const { publicKey, privateKey } = keysOf('server');
    await plane.execute(
      {
        type: 'CreateNetwork',
        name: 'acme' as InterfaceName,
        cidr: RANGE,
        serverKey: publicKey,
        endpoint: 'vpn.example.org:51820' as Endpoint,
      },
      { actor: OPERATOR },
    );
    live = await Live.load(log);
    void live.run();
    observations = new Observations('boot', RANGE);
    tunnel = await bringUp({
      name: 'acme' as InterfaceName,
      address: '10.42.0.1/16' as Cidr,
      network: RANGE,
      backend: 'userspace',
    });
    const lingering = new LingeringKeys();
    follower = await DeviceFollower.start({
      live,
      device: tunnel.device,
      observations,
      lingering,
      network: RANGE,
      own: { keys: { privateKey, publicKey }, listenPort: 51_820 },
      report: (trouble, error) => process.stderr.write(`${trouble}: ${error}\n`),
    });
    sessions = new Sessions({
      live,
      device: follower,
      lingering,
      relay: { follow: () => {} },
      streams: {
        revoke: (id) => (tellsAtOnce ? Promise.resolve() : new Promise((told) => untold.set(id, told))),
        follow: () => {},
      },
      proofs: { forget: () => {} },
      limits: new Limits(),
    });
  },
  run: (command: Command) => execute(command, OPERATOR),
  /** The peer of that name redeems its invitation with the key of `owner`. */
  redeem: async (name: string, owner: string): Promise<void> => {
    const { id } = live.network.peerNamed(name)!;
    await execute(
      { type: 'RedeemInvitation', publicKey: keysOf(owner).publicKey },
      { kind: 'peer', peerId: id },
    );
    await sessions.prepared();
  },
  answered: async (name: string) => sessions.answered(live.network.peerNamed(name)!.id),
  /** What revoked peers hear is kept back until `tell`. */
  holdTidings: async () => {
    tellsAtOnce = false;
  },
  tell: async () => {
    for (const told of untold.values()) told();
  },
  onDevice,
  /** What somebody else does to the device. */
  apply: (steps: Step[]) => tunnel.device.apply(steps),
  compare: () => follower.compare(),
  observed: async (name: string) => observations.of(live.network.peerNamed(name)!.id),
  own: async () => {
    const { publicKey, listenPort } = await tunnel.device.read();
    return { publicKey, listenPort };
  },
};
export type Calls = typeof calls;

type Order = { id: number; call: keyof Calls; args: unknown[] };

process.on('message', async ({ id, call, args }: Order) => {
  try {
    process.send?.({ id, value: await (calls[call] as (...args: unknown[]) => Promise<unknown>)(...args) });
  } catch (error) {
    process.send?.({ id, error: (error as Error).message });
  }
});
