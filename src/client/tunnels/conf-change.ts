/** The user's changes of a joined network's conf, and their steps on the device. */
import * as z from 'zod';
import { type Conf, MAX_OFFERED_ROUTES } from '../../protocol/conf.ts';
import { Endpoint, Port } from '../../values/endpoint.ts';
import { RouteId } from '../../values/id.ts';
import { Cidr, Ip } from '../../values/ip.ts';
import type { Device, DeviceState, Step } from '../../wireguard/device.ts';
import type { Mirror } from '../memory/mirror.ts';
import { addressesOf } from './server-peer.ts';

export const ConfChange = z.discriminatedUnion('what', [
  /** Null: WireGuard chooses. */
  z.object({ what: z.literal('listenPort'), listenPort: z.number().int().min(1).max(65_535).nullable() }),
  /** Null: this machine does not relay. */
  z.object({ what: z.literal('relayPort'), relayPort: Port.nullable() }),
  /** What this machine carries for others. */
  z.object({
    what: z.literal('offers'),
    routes: z.array(Cidr).max(MAX_OFFERED_ROUTES),
    exit: z.boolean(),
  }),
  /** Null: packets leave as they did. */
  z.object({ what: z.literal('exit'), exit: RouteId.nullable() }),
  /** Null: no override. */
  z.object({ what: z.literal('peerEndpoint'), ip: Ip, endpoint: Endpoint.nullable() }),
]);
export type ConfChange = z.infer<typeof ConfChange>;

export const changed = (conf: Conf, change: ConfChange): Conf => {
  if (change.what === 'listenPort') return { ...conf, listenPort: change.listenPort ?? undefined };
  if (change.what === 'relayPort') return { ...conf, relayPort: change.relayPort ?? undefined };
  if (change.what === 'exit') return { ...conf, exit: change.exit ?? undefined };
  if (change.what === 'offers') {
    const { offerRoutes: _, offerExit: __, ...rest } = conf;
    const { routes: offerRoutes, exit } = change;
    return {
      ...rest,
      ...(offerRoutes.length > 0 ? { offerRoutes } : {}),
      ...(exit ? { offerExit: true } : {}),
    };
  }
  const overrides = new Map(conf.peerEndpointOverrides);
  if (change.endpoint === null) overrides.delete(change.ip);
  else overrides.set(change.ip, change.endpoint);
  return { ...conf, peerEndpointOverrides: overrides };
};

/** Looks up names. */
const stepsOf = async (change: ConfChange, mirror: Mirror, has: DeviceState): Promise<Step[]> => {
  switch (change.what) {
    case 'listenPort':
      return [{ kind: 'listenPort', listenPort: change.listenPort ?? 0 }];
    case 'peerEndpoint':
      return endpointSteps(change, mirror, has);
    case 'relayPort':
    case 'offers':
    case 'exit':
      return []; // others do it
  }
};

/** An override also replaces a live session's endpoint. */
const endpointSteps = async (
  { ip: wanted, endpoint: override }: Extract<ConfChange, { what: 'peerEndpoint' }>,
  mirror: Mirror,
  has: DeviceState,
): Promise<Step[]> => {
  const row = [...mirror.tunnels()].find(({ ip }) => ip === wanted);
  if (!row || override === null || !has.peers.has(row.publicKey)) return [];
  const [endpoint] = await addressesOf(override);
  return endpoint ? [{ kind: 'set', publicKey: row.publicKey, endpoint }] : [];
};

/** Throws a `Failure`, and the device keeps its port. */
export const putOn = async (device: Device, change: ConfChange, mirror: Mirror): Promise<void> => {
  const has = await device.read();
  try {
    await device.apply(await stepsOf(change, mirror, has));
  } catch (error) {
    if (change.what === 'listenPort')
      await device.apply([{ kind: 'listenPort', listenPort: has.listenPort }]).catch(() => {});
    throw error;
  }
};
