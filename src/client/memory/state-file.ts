/**
 * Reads and writes `NET.json` in the format of innernet 2.0, with extra keys that the Rust client ignores.
 * Peers out of sight are stored as disabled: the pins.
 */

import * as z from 'zod';
import { isPlain } from '../../domain/peer.ts';
import type { Sha256 } from '../../events/record.ts';
import { RelayRow, Restoration } from '../../protocol/frames.ts';
import { CidrRow, LimitRow, type Offer, Offers, PeerRow, RouteRow } from '../../protocol/rows.ts';
import { V1Cidr, V1Peer } from '../../protocol/v1.ts';
import { Endpoint, isUnspecified, SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { Hash, PeerId, Position } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import { BREACHES } from './chain.ts';
import { type Effect, Mirror } from './mirror.ts';
import { type Ground, HELD_RULES, type Held, type Pin, sift } from './pins.ts';
import { ServerTime } from './server-time.ts';

/** Last observed endpoint by address: only a guess. */
export type LastEndpoints = Map<Ip, SocketAddress>;

/** Fields without a place in innernet 2.0's format; being vouched for counts only on arrival. */
const Ours = PeerRow.omit({
  ...{ id: true, name: true, ip: true, cidrId: true, publicKey: true, isAdmin: true },
  ...{ endpoint: true, isVouchedFor: true },
});

/** `endpoint`: the last place; an insisted endpoint is a key of ours. */
const StoredPeer = V1Peer.extend({
  ...Ours.shape,
  override: Endpoint.nullish(),
  /** Never proved nor used in a handshake. */
  unmet: z.boolean().optional(),
});

const HeldRow = z.object({
  row: PeerRow,
  rule: z.enum(HELD_RULES),
});

const AlarmState = z.object({
  breach: z.enum(BREACHES),
  position: Position,
  hash: Hash,
});

const HeadState = z.object({ networkId: Hash, position: Position, hash: Hash });

const Notice = z.object({ restoration: Restoration, head: HeadState });

/** Without `head`, the Rust client wrote the file last. */
const Document = z.object({
  version: z.literal('1'),
  peers: z.array(StoredPeer),
  cidrs: z.array(V1Cidr),
  head: HeadState.nullish(),
  /** False: rows are missing. */
  filled: z.boolean().default(true),
  held: z.array(HeldRow).default([]),
  alarm: AlarmState.nullish(),
  /** Seen to leave; absent in older files, where every pin out of sight counts. */
  gone: z.array(PeerRow.shape.ip).optional(),
  /** Kept out after a restored backup until an admin enables them. */
  withheld: z.array(PeerRow.shape.ip).default([]),
  notice: Notice.nullish(),
  /** Noted while a peer in sight has an expiry. */
  clock: ServerTime.optional(),
  /** Apart from the peers, which innernet 2.0 would try to reach. */
  plain: z.array(PeerRow).optional(),
  /** Peers are met at relays while the server is away, too. */
  relays: z.array(RelayRow).optional(),
  /** CIDRs whose peers may not begin everything. */
  limits: z.array(LimitRow).optional(),
  routes: z.array(RouteRow).optional(),
  /** What routers' machines said last: a route needs no server. */
  offers: z.array(z.object({ id: PeerId, blocks: Offers })).optional(),
});

/** One line of the journal: what a frame did. */
export const EffectLine = z.object({
  head: HeadState.optional(),
  peers: z.object({ changed: z.array(PeerRow), removed: z.array(PeerRow.shape.id) }),
  cidrs: z.object({ changed: z.array(CidrRow), removed: z.array(CidrRow.shape.id) }),
  limits: z.object({ changed: z.array(LimitRow), removed: z.array(CidrRow.shape.id) }).optional(),
  routes: z.object({ changed: z.array(RouteRow), removed: z.array(RouteRow.shape.id) }).optional(),
  held: z.array(HeldRow),
  released: z.array(PeerRow.shape.id),
  forgotten: z.array(PeerRow.shape.ip).optional(),
  emptied: z.boolean().optional(),
  alarm: AlarmState.nullable().optional(),
  restored: Notice.optional(),
  acknowledged: z.boolean().optional(),
  proved: z.boolean().optional(),
} satisfies { [F in keyof Required<Effect>]: z.ZodType });

export type Kept = {
  mirror: Mirror;
  endpoints: LastEndpoints;
  relays: Map<PeerId, RelayRow>;
  /** Of routers. */
  offers: Map<PeerId, readonly Offer[]>;
};

/** An unreadable pin file never means "no pins". */
export const unreadable = (path: string, reason: string, cause?: unknown): Failure =>
  new Failure(`${path}, which holds the pinned keys, cannot be read: ${reason}`, {
    hint: `put it back from a backup; or, to trust what the server shows next, move it away: mv ${path} ${path}.broken`,
    cause,
  });

const rowOf = (peer: z.infer<typeof StoredPeer>): PeerRow =>
  PeerRow.parse({
    id: peer.id,
    name: peer.name,
    ip: peer.ip,
    cidrId: peer.cidr_id,
    publicKey: peer.public_key,
    isAdmin: peer.is_admin,
    endpoint: peer.override ?? null,
    ...Ours.parse(peer),
  });

const pinOf = ({ id, name, ip, cidrId, publicKey }: PeerRow, isUnmet: boolean): Pin => ({
  ...{ id, name, ip, cidrId, publicKey },
  ...(isUnmet ? { isUnmet } : {}),
});

const sentence = (error: unknown): string => {
  if (!(error instanceof z.ZodError)) return error instanceof SyntaxError ? 'it is not JSON' : String(error);
  const [issue] = error.issues;
  return `${issue?.path.join('.')}: ${issue?.message}`;
};

/** A mirror that has seen no frame yet. */
export const newcomer = (ground: Ground, sha256: Sha256): Kept => ({
  mirror: new Mirror(ground, sha256),
  endpoints: new Map(),
  relays: new Map(),
  offers: new Map(),
});

/** Throws a `Failure` with a hint. */
export const parseState = (text: string, path: string, ground: Ground, sha256: Sha256): Kept => {
  try {
    return keptOf(Document.parse(JSON.parse(text)), ground, sha256);
  } catch (error) {
    throw unreadable(path, text.trim() === '' ? 'it is empty' : sentence(error), error);
  }
};

const keptOf = (document: z.infer<typeof Document>, ground: Ground, sha256: Sha256): Kept => {
  const { mirror, endpoints, relays, offers } = newcomer(ground, sha256);
  for (const { id, blocks } of document.offers ?? []) offers.set(id, blocks);
  for (const relay of document.relays ?? []) relays.set(relay.id, relay);
  const rows: PeerRow[] = [];
  const departed: PeerRow[] = [];
  const unmet = new Set<Ip>();
  for (const peer of document.peers) {
    if (!peer.is_redeemed) continue;
    const row = rowOf(peer);
    if (peer.unmet) unmet.add(row.ip);
    (peer.is_disabled ? departed : rows).push(row);
    const endpoint = SocketAddress.safeParse(peer.endpoint).data;
    if (endpoint && !isUnspecified(endpoint)) endpoints.set(row.ip, endpoint);
  }
  rows.push(...(document.plain ?? []));
  const { accepted, held } = sift(rows, ground, mirror.pins, () => undefined);
  const cidrs = document.cidrs.map(({ id, name, cidr, parent }) =>
    CidrRow.parse({ id, name, cidr, parentId: parent ?? null }),
  );
  mirror.take({
    peers: { changed: accepted, removed: [] },
    cidrs: { changed: cidrs, removed: [] },
    limits: { changed: document.limits ?? [], removed: [] },
    routes: { changed: document.routes ?? [], removed: [] },
    held: [...held, ...(document.held as Held[])],
    released: [],
    alarm: document.alarm ?? null,
    proved: true,
  });
  for (const row of accepted)
    if (unmet.has(row.ip) && mirror.isTunnel(row)) mirror.pins.add(pinOf(row, true));
  for (const row of departed)
    if (mirror.isTunnel(row) && !mirror.pins.contradicted(row))
      mirror.pins.add(pinOf(row, unmet.has(row.ip)));
  mirror.remember({
    gone: document.gone ?? departed.map(({ ip }) => ip),
    withheld: document.withheld,
    notice: document.notice ?? null,
  });
  mirror.clock = document.clock;
  if (document.head) {
    mirror.head = document.head;
    mirror.filled = document.filled;
  }
  return { mirror, endpoints, relays, offers };
};

const storedPeer = (
  row: PeerRow,
  endpoints: LastEndpoints,
  isUnmet: boolean,
): z.infer<typeof StoredPeer> => ({
  id: row.id,
  name: row.name,
  ip: row.ip,
  cidr_id: row.cidrId,
  public_key: row.publicKey,
  endpoint: endpoints.get(row.ip) ?? (row.endpoint && !isUnspecified(row.endpoint) ? row.endpoint : null),
  persistent_keepalive_interval: 25,
  is_admin: row.isAdmin,
  is_disabled: false,
  is_redeemed: true,
  invite_expires: null,
  candidates: [],
  ...Ours.parse(row),
  ...(row.endpoint ? { override: row.endpoint } : {}),
  ...(isUnmet ? { unmet: true } : {}),
});

/** The text of `NET.json`. */
export const formatState = ({ mirror, endpoints, relays, offers }: Kept): string => {
  const all = [...mirror.peers()];
  const [rows, plain] = [all.filter((row) => !isPlain(row)), all.filter(isPlain)];
  const inSight = new Set(rows.map(({ ip }) => ip));
  const limits = [...mirror.limits()];
  const routes = [...mirror.routes()];
  const departed = [...mirror.pins.all()]
    .filter(({ ip }) => !inSight.has(ip))
    .map((pin) => ({
      ...storedPeer({ ...pin, isAdmin: false, endpoint: null }, endpoints, pin.isUnmet === true),
      is_disabled: true,
    }));
  return `${JSON.stringify({
    version: '1',
    peers: [
      ...rows.map((row) => storedPeer(row, endpoints, mirror.pins.at(row.ip)?.isUnmet === true)),
      ...departed,
    ],
    ...(plain.length > 0 ? { plain } : {}),
    cidrs: [...mirror.cidrs()].map(({ id, name, cidr, parentId }) => ({ id, name, cidr, parent: parentId })),
    ...(mirror.head ? { head: mirror.head, filled: mirror.filled } : {}),
    held: [...mirror.held()],
    ...(mirror.alarm ? { alarm: mirror.alarm } : {}),
    ...mirror.memory,
    ...(mirror.clock && mirror.nextEnd() !== undefined ? { clock: mirror.clock } : {}),
    ...(relays.size > 0 ? { relays: [...relays.values()] } : {}),
    ...(limits.length > 0 ? { limits } : {}),
    ...(routes.length > 0 ? { routes } : {}),
    ...(offers.size > 0
      ? { offers: Array.from(offers, ([id, blocks]) => ({ id, blocks: [...blocks] })) }
      : {}),
  } satisfies z.input<typeof Document>)}\n`;
};
