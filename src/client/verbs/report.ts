/** A report on a network of this machine, from its files, device and owner process. */
import { readPromoted } from '../../caller/client-place.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import type { CidrRow, LimitRow, RouteRow } from '../../protocol/rows.ts';
import type { PeerId } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Allow } from '../../values/opening.ts';
import { type DeviceState, isLive } from '../../wireguard/device.ts';
import { isGuarded, type Thief, thievesIn } from '../../wireguard/guard.ts';
import { routingOf } from '../../wireguard/routes.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import type { Doubt, Standing } from '../memory/doubt.ts';
import { readState } from '../memory/journal.ts';
import type { Alarm, Mirror, Notice } from '../memory/mirror.ts';
import { pathsOf } from '../memory/paths.ts';
import { heldReason, isOwn, isPinned, isServer } from '../memory/pins.ts';
import { Trust } from '../memory/trust.ts';
import { askOwnerOf, type OwnerStatus } from '../owner/owned-network.ts';
import type { Relaying } from '../relay/peer-relay.ts';
import type { WayReport } from '../tunnels/device-keeper.ts';
import { isDefault } from '../tunnels/held-blocks.ts';
import { type ResolverOutside, resolversOutside } from '../tunnels/resolvers.ts';
import type { BlockReport, RouteReport } from '../tunnels/routes.ts';

/** `relay`: the name of the relaying peer; `reason`: why not direct; `since`: ISO 8601, UTC. */
export type PathOfPeer = {
  kind: 'direct' | 'relayed';
  relay: string | null;
  reason: string | null;
  since: string | null;
  roundTripMs: number | null;
};

export type PeerReport = {
  id: number;
  name: string;
  ip: string;
  cidrId: number;
  /** Its name; null if unknown. */
  cidr: string | null;
  publicKey: string;
  isAdmin: boolean;
  isSelf: boolean;
  isServer: boolean;
  /** Of a phone: its router's name. */
  via?: string;
  /** Has a session, or is this machine. */
  isConnected: boolean;
  endpoint: string | null;
  /** By this machine's conf. */
  isOverridden: boolean;
  /** Null if unknown or reached. */
  unreached: string | null;
  /** How packets to it go; null: no way stands, or no process of this machine knows it. */
  path: PathOfPeer | null;
  /** What may be begun with it; null: everything, either way. */
  limits: { inbound: Allow[]; outbound: Allow[] } | null;
  /** ISO 8601, UTC; null: never. */
  expires: string | null;
  /** ISO 8601, UTC. */
  latestHandshake: string | null;
  rxBytes: number;
  txBytes: number;
};

/** A block of a route; peers by name. `null` as state: no process of this machine knows. */
export type BlockOfRoute = {
  block: string;
  state: BlockReport['state'] | null;
  by: string | null;
  standby: string[];
  reason: string | null;
  about: string[];
};

export type RouteOfNetwork = { id: number; name: string; isExit: boolean; blocks: BlockOfRoute[] };

/** The JSON of `show --json` for one network. */
export type NetworkReport = {
  network: string;
  ip: string;
  /** All addresses routed into the tunnel. */
  range: string;
  /** When the standby on this machine was promoted: the tunnel is the server's, and the client stays down. */
  servesSince: string | null;
  isUp: boolean;
  listenPort: number | null;
  backend: string | null;
  /** Whether a process follows the network, and its connection. */
  isFollowed: boolean;
  isConnected: boolean;
  /** An older server without a live stream. */
  isPolled: boolean;
  /** Disabled or deleted, by the server's word. */
  isShutOut: boolean;
  position: number | null;
  hash: string | null;
  /** Null: not since this machine started. */
  serverHeard: string | null;
  isServerSilent: boolean;
  alarm: Alarm | null;
  /** This machine as a relay of others; null: no process follows the network. */
  relaying: Relaying | null;
  /** Traffic for the network leaves only by its device. */
  isGuarded: boolean;
  /** Whether nftables works here, so that ports can be limited; null: no process follows, or an older one. */
  canLimit: boolean | null;
  /** How often another program removed the table that limits, since that process began. */
  limitsRestored: number | null;
  /** Routes and addresses of other devices within the range. */
  overlaps: Thief[];
  server: { standing: Standing; doubt: Doubt | null };
  /** Until the user acknowledges it. */
  restored: Notice | null;
  held: { name: string; ip: string; publicKey: string; rule: string; reason: string; isPinned: boolean }[];
  peers: PeerReport[];
  cidrs: CidrRow[];
  /** That are open to this machine. */
  routes: RouteOfNetwork[];
  /** The exit that this machine uses, by its conf; null: none. `isShown`: the network still shows it. */
  exit: { id: number; isShown: boolean; resolversOutside: ResolverOutside[] } | null;
};

const iso = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : new Date(milliseconds).toISOString();

const latest = (...moments: (number | undefined)[]): number | undefined => {
  const known = moments.filter((moment) => moment !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
};

/** Throws a `Failure` when the network is not installed or unreadable. */
export const reportOf = async (network: InterfaceName, options: GlobalOptions): Promise<NetworkReport> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  const ground = groundOf(conf);
  const [{ mirror }, trust, device, status, routing] = await Promise.all([
    readState(paths, ground),
    Trust.read(paths.proved, ground.server.publicKey),
    openDevice(network),
    askOwnerOf(paths, { ask: 'status' }) as Promise<OwnerStatus | undefined>,
    routingOf(ground.range).catch(() => ({ rules: [], routes: [] })),
  ]);
  const state = await device?.read();
  const outside = conf.exit === undefined ? [] : await resolversOutside(network);
  const now = Date.now();
  const cidrNames = new Map(Array.from(mirror.cidrs(), ({ id, name }) => [id, name]));
  const peers = Array.from(mirror.peers(), (row): PeerReport => {
    const on = state?.peers.get(row.publicKey);
    const isSelf = isOwn(ground, row);
    const isConnected = isSelf || (on !== undefined && isLive(on, now));
    return {
      id: row.id,
      name: row.name,
      ip: row.ip,
      cidrId: row.cidrId,
      cidr: cidrNames.get(row.cidrId) ?? null,
      publicKey: row.publicKey,
      isAdmin: row.isAdmin,
      isSelf,
      isServer: isServer(ground, row),
      ...(row.via === undefined ? {} : { via: mirror.peer(row.via)?.name ?? `peer ${row.via}` }),
      isConnected,
      endpoint: on?.endpoint ?? status?.unreached[row.ip]?.endpoint ?? null,
      isOverridden: conf.peerEndpointOverrides.has(row.ip),
      unreached: (!isConnected && status?.unreached[row.ip]?.reason) || null,
      path: pathOf(status?.ways?.[row.ip], mirror),
      limits: limitsOf(mirror.limit(row.cidrId)),
      expires: row.expires ?? null,
      latestHandshake: iso(on?.latestHandshake),
      rxBytes: on?.rxBytes ?? 0,
      txBytes: on?.txBytes ?? 0,
    };
  });
  const server = state?.peers.get(ground.server.publicKey);
  return {
    network,
    ip: ground.own.ip,
    range: ground.range,
    isUp: state !== undefined,
    servesSince: readPromoted(paths.promoted)?.since ?? null,
    listenPort: state?.listenPort ?? null,
    backend: device?.backend ?? null,
    isFollowed: status !== undefined,
    isConnected: status?.connected ?? false,
    isPolled: status?.polled ?? false,
    isShutOut: status?.isShutOut ?? false,
    position: mirror.head?.position ?? null,
    hash: mirror.head?.hash ?? null,
    serverHeard: iso(latest(server?.latestHandshake, status?.heard)),
    isServerSilent:
      state !== undefined && !status?.connected && isSilent(state, ground.server.publicKey, now),
    alarm: mirror.alarm,
    relaying: status?.relaying ?? null,
    isGuarded: isGuarded(routing, network, ground.range),
    canLimit: status?.limits?.works ?? null,
    limitsRestored: status?.limits?.restored ?? null,
    overlaps: thievesIn(routing, ground.range, network),
    server: { standing: trust.standing, doubt: trust.doubt },
    restored: mirror.notice,
    held: Array.from(mirror.held(), (held) => ({
      name: held.row.name,
      ip: held.row.ip,
      publicKey: held.row.publicKey,
      rule: held.rule,
      reason: heldReason(held),
      isPinned: isPinned(held),
    })),
    peers,
    cidrs: [...mirror.cidrs()],
    exit:
      conf.exit === undefined
        ? null
        : { id: conf.exit, isShown: mirror.route(conf.exit) !== undefined, resolversOutside: outside },
    routes: Array.from(mirror.routes(), (row) =>
      routeOf(
        row,
        status?.routes?.find(({ id }) => id === row.id),
        mirror,
      ),
    ),
  };
};

const routeOf = (
  { id, name, blocks }: RouteRow,
  known: RouteReport | undefined,
  mirror: Mirror,
): RouteOfNetwork => {
  const nameOf = (peer: PeerId): string => mirror.peer(peer)?.name ?? `peer ${peer}`;
  return {
    ...{ id, name, isExit: blocks.some(isDefault) },
    blocks: blocks.map((block) => {
      const found = known?.blocks.find((one) => one.block === block);
      return {
        block,
        state: found?.state ?? null,
        by: found?.by ? nameOf(found.by) : null,
        standby: found?.standby.map(nameOf) ?? [],
        reason: found?.reason ?? null,
        about: found?.about.map(nameOf) ?? [],
      };
    }),
  };
};

const limitsOf = (row: LimitRow | undefined): PeerReport['limits'] =>
  row ? { inbound: row.inbound, outbound: row.outbound } : null;

const pathOf = (way: WayReport | undefined, mirror: Mirror): PathOfPeer | null => {
  if (!way) return null;
  const { way: kind, reason, since, roundTripMs } = way;
  const relay = way.relay === null ? null : (mirror.peer(way.relay)?.name ?? `peer ${way.relay}`);
  return { kind, relay, reason, since, roundTripMs };
};

const isSilent = (state: DeviceState, serverKey: Parameters<DeviceState['peers']['get']>[0], now: number) => {
  const server = state.peers.get(serverKey);
  return !server || !isLive(server, now);
};
