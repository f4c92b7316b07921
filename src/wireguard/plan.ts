/** From what a device has and what it should have to the steps between: pure, so that a second plan is empty. */
import type { SocketAddress } from '../values/endpoint.ts';
import { type Cidr, containsCidr } from '../values/ip.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import { type DeviceState, isLive, type PeerConfig, type PeerState, type Step } from './device.ts';

/** A device as it should be. What is `undefined` is left as it is. */
export type DeviceConfig = {
  /** Both halves: a device is compared by the public one. */
  keys?: { privateKey: PrivateKey; publicKey: PublicKey } | undefined;
  listenPort?: number | undefined;
  /** One entry a key and no address twice; an entry with the device's own key is passed over. */
  peers: Iterable<PeerConfig>;
};

export type PlanOptions = {
  /** The network's root block: nothing outside it is ever routed to a peer. */
  network: Cidr;
  /** Milliseconds since 1970: tells which sessions are live. */
  now: number;
  /** Peers on the device that are neither wanted nor to be removed, such as those of a hole punch under way. */
  leave?: ReadonlySet<PublicKey>;
  /** Peers whose endpoint is changed even under a live session, such as those with a local override. */
  insist?: ReadonlySet<PublicKey>;
};

/** A peer that is not touched because it asks for an address outside the network. */
export type HeldBack = { publicKey: PublicKey; allowedIp: Cidr };

export type Plan = { steps: Step[]; heldBack: HeldBack[] };

/**
 * The full comparison. An endpoint is not changed under a live session (unless `insist` has the peer); where there
 * is no session and the peer is to be kept alive, a new endpoint re-creates it, so that it is tried at once.
 */
export const plan = (has: DeviceState, wants: DeviceConfig, options: PlanOptions): Plan => {
  const own = wants.keys?.publicKey ?? has.publicKey;
  const wanted = new Map<PublicKey, PeerConfig>();
  for (const peer of wants.peers) if (peer.publicKey !== own) wanted.set(peer.publicKey, peer);
  const { safe, heldBack } = sift(wanted.values(), options.network);
  const removals = [...has.peers.keys()]
    .filter((publicKey) => !wanted.has(publicKey) && !options.leave?.has(publicKey))
    .map((publicKey): Step => ({ kind: 'remove', publicKey }));
  const changes = safe.flatMap((peer) => peerSteps(has.peers.get(peer.publicKey), peer, options));
  return { steps: [...deviceSteps(has, wants), ...removals, ...changes], heldBack };
};

/** What changed among the peers of a device that was in order before. */
export type PeerDelta = { removed: readonly PublicKey[]; changed: readonly PeerConfig[] };

/**
 * The steps for a delta, without reading the device: removals first, because an address may pass from one key to
 * another. A changed peer's undefined endpoint and keepalive stay as they are.
 */
export const stepsForDelta = ({ removed, changed }: PeerDelta, network: Cidr): Plan => {
  const { safe, heldBack } = sift(changed, network);
  const removals = removed.map((publicKey): Step => ({ kind: 'remove', publicKey }));
  return { steps: [...removals, ...safe.map((peer): Step => ({ kind: 'set', ...peer }))], heldBack };
};

/** Parts peers that stay within the network from those that would draw other traffic to themselves. */
const sift = (peers: Iterable<PeerConfig>, network: Cidr): { safe: PeerConfig[]; heldBack: HeldBack[] } => {
  const [safe, heldBack]: [PeerConfig[], HeldBack[]] = [[], []];
  for (const peer of peers) {
    const allowedIp = peer.allowedIps.find((block) => !containsCidr(network, block));
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
