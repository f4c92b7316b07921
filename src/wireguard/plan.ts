/** Plans the steps from a device's state to the wanted one: pure, and a second plan is empty. */
import type { SocketAddress } from '../values/endpoint.ts';
import { type Cidr, containsCidr } from '../values/ip.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import { type DeviceState, isLive, type PeerConfig, type PeerState, type Step } from './device.ts';

/** A device as wanted; `undefined` leaves a field as it is. */
export type DeviceConfig = {
  /** Devices are compared by the public one. */
  keys?: { privateKey: PrivateKey; publicKey: PublicKey } | undefined;
  listenPort?: number | undefined;
  /** One entry per key, no address twice; the device's own key is skipped. */
  peers: Iterable<PeerConfig>;
};

export type PlanOptions = {
  /** Root block: peers get no address outside it, but for `routes`. */
  network: Cidr;
  /** Blocks outside the network that this machine takes. */
  routes?: ReadonlySet<Cidr>;
  /** Milliseconds since 1970. */
  now: number;
  /** Unwanted peers to leave, such as those of a hole punch. */
  leave?: ReadonlySet<PublicKey>;
  /** Peers that get endpoints despite live sessions, such as local overrides. */
  insist?: ReadonlySet<PublicKey>;
};

/** A peer that asks for an address outside the network. */
export type HeldBack = { publicKey: PublicKey; allowedIp: Cidr };

export type Plan = { steps: Step[]; heldBack: HeldBack[] };

/**
 * The full comparison. A live session keeps its endpoint (unless in `insist`). Without a session, a new
 * endpoint re-creates a peer with keepalive, so that it is tried at once.
 */
export const plan = (has: DeviceState, wants: DeviceConfig, options: PlanOptions): Plan => {
  const own = wants.keys?.publicKey ?? has.publicKey;
  const wanted = new Map<PublicKey, PeerConfig>();
  for (const peer of wants.peers) if (peer.publicKey !== own) wanted.set(peer.publicKey, peer);
  const { safe, heldBack } = sift(wanted.values(), options);
  const removals = [...has.peers.keys()]
    .filter((publicKey) => !wanted.has(publicKey) && !options.leave?.has(publicKey))
    .map((publicKey): Step => ({ kind: 'remove', publicKey }));
  const changes = safe.flatMap((peer) => peerSteps(has.peers.get(peer.publicKey), peer, options));
  return { steps: [...deviceSteps(has, wants), ...removals, ...changes], heldBack };
};

export type PeerDelta = { removed: readonly PublicKey[]; changed: readonly PeerConfig[] };

/** The steps for a delta, without a reading. Removals come first: an address may pass to another key. */
export const stepsForDelta = ({ removed, changed }: PeerDelta, network: Cidr): Plan => {
  const { safe, heldBack } = sift(changed, { network });
  const removals = removed.map((publicKey): Step => ({ kind: 'remove', publicKey }));
  return { steps: [...removals, ...safe.map((peer): Step => ({ kind: 'set', ...peer }))], heldBack };
};

/** Holds back peers that would draw traffic from outside the network. */
const sift = (
  peers: Iterable<PeerConfig>,
  { network, routes }: Pick<PlanOptions, 'network' | 'routes'>,
): { safe: PeerConfig[]; heldBack: HeldBack[] } => {
  const [safe, heldBack]: [PeerConfig[], HeldBack[]] = [[], []];
  for (const peer of peers) {
    const allowedIp = peer.allowedIps.find((block) => !containsCidr(network, block) && !routes?.has(block));
    if (allowedIp === undefined) safe.push(peer);
    else heldBack.push({ publicKey: peer.publicKey, allowedIp });
  }
  return { safe, heldBack };
};

const deviceSteps = (has: DeviceState, { keys, listenPort }: DeviceConfig): Step[] => {
  const steps: Step[] = [];
  if (keys && keys.publicKey !== has.publicKey)
    steps.push({ kind: 'privateKey', privateKey: keys.privateKey });
  if (listenPort !== undefined && listenPort !== has.listenPort)
    steps.push({ kind: 'listenPort', listenPort });
  return steps;
};

const peerSteps = (has: PeerState | undefined, wants: PeerConfig, options: PlanOptions): Step[] => {
  const { publicKey, allowedIps, keepalive } = wants;
  if (!has) return [{ kind: 'set', ...wants }];
  const endpoint = endpointToSet(has, wants, options);
  const alive = isLive(has, options.now);
  if (endpoint && !alive && (keepalive ?? has.keepalive) > 0)
    return [{ kind: 'recreate', publicKey, allowedIps, endpoint, keepalive: keepalive ?? has.keepalive }];
  const differing = {
    ...(sameBlocks(has.allowedIps, allowedIps) ? {} : { allowedIps }),
    ...(keepalive === undefined || keepalive === has.keepalive ? {} : { keepalive }),
    ...(endpoint ? { endpoint } : {}),
  };
  return Object.keys(differing).length > 0 ? [{ kind: 'set', publicKey, ...differing }] : [];
};

const endpointToSet = (
  has: PeerState,
  { publicKey, endpoint }: PeerConfig,
  { now, insist }: PlanOptions,
): SocketAddress | undefined => {
  if (endpoint === undefined || endpoint === has.endpoint) return undefined;
  return !isLive(has, now) || insist?.has(publicKey) ? endpoint : undefined;
};

const sameBlocks = (left: readonly Cidr[], right: readonly Cidr[]): boolean =>
  left.length === right.length && left.every((block) => right.includes(block));
