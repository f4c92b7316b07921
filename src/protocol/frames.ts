/** JSON text frames of the live stream: an empty list means an empty list, unknown fields are ignored. */
import * as z from 'zod';
import { Port, SocketAddress } from '../values/endpoint.ts';
import { CidrId, Hash, PeerId, Position, RouteId } from '../values/id.ts';
import { Ip, RecordedCidr } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import { Can } from './can.ts';
import { SIXTEEN_BYTES } from './proof-header.ts';
import { CidrRow, LimitRow, Observation, Offers, PeerRow, RouteRow } from './rows.ts';

export const SUBPROTOCOL = 'innernet.v1';
/** Interval of the server's pings; a side that misses two counts as dead. */
export const HEARTBEAT_SECONDS = 20;
/** A longer delta is fetched over HTTP. */
export const MAX_DELTA_BYTES = 64 * 1024;
/** Positions without a frame before a CIDR gets the digests alone. */
export const BOOKMARK_EVERY = 64;
export const MAX_CLIENT_FRAME_BYTES = 16 * 1024;
/** Addresses that a peer may report. */
export const MAX_CANDIDATES = 10;

const frame = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({ kind: z.literal(kind), ...shape });

/** A backup was restored at `position`; later records, up to the lost head, were given up. */
export const Restoration = z.object({ position: Position, lostPosition: Position, lostHash: Hash });
export type Restoration = z.infer<typeof Restoration>;

/** First frame of a stream (after the proofs): the log's head and the boot of the observations. */
export const Welcome = frame('welcome', {
  /** Hash of the first record. */
  network: Hash,
  position: Position,
  hash: Hash,
  heartbeat: z.number().positive(),
  boot: z.string().max(64),
  sequence: z.number().int().nonnegative(),
  /** The server's clock in milliseconds since 1970: peers agree by it on a moment to meet. */
  now: z.number().int().positive().optional(),
  can: Can.optional(),
});
export type Welcome = z.infer<typeof Welcome>;

/**
 * Changes in (from, position] for this client, as whole rows. `digests` has one entry per position and must
 * extend the client's chain to `hash`.
 */
export const Delta = frame('delta', {
  from: Position,
  position: Position,
  hash: Hash,
  digests: z.array(Hash),
  peers: z.object({
    changed: z.array(PeerRow),
    removed: z.array(PeerId),
    /** Peers that have just redeemed; they start the handshakes. */
    joined: z.array(PeerId).optional(),
  }),
  cidrs: z.object({ changed: z.array(CidrRow), removed: z.array(CidrId) }),
  /** Only to clients that can `limits`; absent: no change. Removed: whole again, or out of sight. */
  limits: z.object({ changed: z.array(LimitRow), removed: z.array(CidrId) }).optional(),
  /** Absent: no change. Removed: gone, or no longer open to this client. */
  routes: z.object({ changed: z.array(RouteRow), removed: z.array(RouteId) }).optional(),
});
export type Delta = z.infer<typeof Delta>;

/** The delta is too long: fetch a snapshot at this position or later. */
export const Fetch = frame('fetch', { position: Position, hash: Hash });
export type Fetch = z.infer<typeof Fetch>;

/**
 * Observations, numbered within the server's boot. They follow the delta with their peers; a returning client
 * names the last `sequence`.
 */
export const Endpoints = frame('endpoints', {
  boot: z.string().max(64),
  sequence: z.number().int().nonnegative(),
  peers: z.array(Observation),
});
export type Endpoints = z.infer<typeof Endpoints>;

/** Last frame: this peer's right has ended. */
export const Revoked = frame('revoked', { reason: z.enum(['disabled', 'deleted', 'rekeyed']) });
export type Revoked = z.infer<typeof Revoked>;

/** A relay that this client may use, by the id of its peer. */
export const RelayRow = z.object({
  id: PeerId,
  /** One per family. An all-zero host: where this client reaches the server. */
  endpoints: z.array(SocketAddress).min(1).max(2),
  /** Known to this client, the server and the relay alone: a throwaway peer with this key opens the mailbox. */
  mailbox: PublicKey,
});
export type RelayRow = z.infer<typeof RelayRow>;

/** The relays of this client: all of them after the first delta of a stream, then what changes. */
const Relays = frame('relays', { changed: z.array(RelayRow), removed: z.array(PeerId) });
export type Relays = z.infer<typeof Relays>;

/** By which WireGuard receives in a session. */
export const Index = z.number().int().nonnegative().max(0xffff_ffff);

/** Receiver indices of this pair's newest session through the server's relay; null: unknown there. */
const Indices = frame('indices', { peer: PeerId, mine: Index.nullable(), theirs: Index.nullable() });
export type Indices = z.infer<typeof Indices>;

/** An admin looks: for so many seconds the client tells its ways to peers, all at once, then what changes. */
const Look = frame('look', { for: z.number().int().positive().max(600) });
export type Look = z.infer<typeof Look>;

/** Peers that are seen alike: a number without another meaning. */
const Group = z.number().int().nonnegative();

/** A peer that the receiving relay serves. */
export const ServedPeer = z.object({
  id: PeerId,
  key: PublicKey,
  /** Its mailbox at this relay. */
  mailbox: PublicKey,
  group: Group,
  /** Where the server hears it: its mailbox is believed from there. */
  host: Ip.nullable(),
  /** The endpoint of a peer in the open. */
  openAt: SocketAddress.nullable(),
});
export type ServedPeer = z.infer<typeof ServedPeer>;

/** Of two groups, or of one twice: their peers see each other. */
export const Sight = z.tuple([Group, Group]);
export type Sight = z.infer<typeof Sight>;

/** Peers and sights in one `relay` frame: it stays below `MAX_DELTA_BYTES`. */
export const MAX_SERVED = 200;
export const MAX_SIGHTS = 2000;

/**
 * To a machine that the log may name a relay: at which port, and whom it serves, if that machine consents to the port.
 * What is told in several frames counts once the last one is there.
 */
const RelayDuty = frame('relay', {
  /** Null: the log names it no relay. */
  port: Port.nullable(),
  /** What earlier frames said counts no more. */
  isFirst: z.boolean(),
  isLast: z.boolean(),
  changed: z.array(ServedPeer).max(MAX_SERVED),
  removed: z.array(PeerId).max(MAX_SERVED),
  seen: z.array(Sight).max(MAX_SIGHTS),
  unseen: z.array(Sight).max(MAX_SIGHTS),
});
export type RelayDuty = z.infer<typeof RelayDuty>;

/** A route that the receiving machine carries, if it offers its blocks. */
export const CarriedRow = z.object({
  id: RouteId,
  name: RecordedName,
  blocks: z.array(RecordedCidr).min(1).max(8),
  /** Whose peers may use it; none: it is closed. */
  from: z.array(RecordedCidr),
  /** Hosts behind it see the peers' own addresses. */
  keepSource: z.boolean(),
});

/**
 * To a machine that the log names a router: all that it carries, whenever that changes. What is told in several frames
 * counts once the last one is there; a route in two of them is one, with the blocks of both.
 */
const Carry = frame('carry', { isFirst: z.boolean(), isLast: z.boolean(), routes: z.array(CarriedRow) });
export type CarriedRow = z.infer<typeof CarriedRow>;
export type Carry = z.infer<typeof Carry>;

export const ServerFrame = z.discriminatedUnion('kind', [
  Welcome,
  Delta,
  Fetch,
  Endpoints,
  Relays,
  Indices,
  Look,
  RelayDuty,
  Carry,
  Revoked,
]);
export type ServerFrame = z.infer<typeof ServerFrame>;

/**
 * First frame to a client with a proved upgrade; the server's `proof` follows at once. All else waits for
 * both proofs (docs/proof-by-key.md).
 */
const Challenge = frame('challenge', {
  network: Hash,
  /** The server's clock, as in proofs of answers. */
  boot: z.string().regex(SIXTEEN_BYTES),
  now: z.number().int().nonnegative(),
  /** 16 random bytes in base64url; they bind the proofs to this stream. */
  nonce: z.string().regex(SIXTEEN_BYTES),
  can: Can,
});
export type Challenge = z.infer<typeof Challenge>;

/** Shows that the sender has the key in the other side's conf. */
export const Proof = frame('proof', { tag: z.string().regex(SIXTEEN_BYTES) });
export type Proof = z.infer<typeof Proof>;

export const OpeningFrame = z.discriminatedUnion('kind', [Challenge, Proof]);
export type OpeningFrame = z.infer<typeof OpeningFrame>;

/** The position of the client's WireGuard; `held` counts peers held back by pins or chain. */
const Applied = frame('applied', { position: Position, held: z.number().int().nonnegative() });
export type Applied = z.infer<typeof Applied>;

/** Addresses of a client besides the one that the server sees. */
const Candidates = frame('candidates', { endpoints: z.array(SocketAddress).max(MAX_CANDIDATES) });
export type Candidates = z.infer<typeof Candidates>;

/** Answered by `indices`. */
const IndicesOf = frame('indices-of', { peer: PeerId });

/** The way that packets to a peer take. */
export const WayRow = z.object({
  id: PeerId,
  /** `none`: no tunnel stands any more. */
  way: z.enum(['direct', 'relayed', 'none']),
  relay: PeerId.optional(),
  /** Why not direct. */
  reason: z.string().max(200).optional(),
});
export type WayRow = z.infer<typeof WayRow>;

/** Ways in one frame. */
export const MAX_WAYS = 100;

/** After `look`: all ways that stand, then those that change. */
const Ways = frame('ways', { peers: z.array(WayRow).max(MAX_WAYS) });

/** This machine's own word: it may be a relay at this UDP port; null: it may not. */
const Consents = frame('consents', {
  port: Port.nullable(),
  /** Why it cannot relay now. */
  trouble: z.string().max(200).optional(),
});
export type Consents = z.infer<typeof Consents>;

/** Mailboxes in one frame. */
export const MAX_OPEN = 1000;

/** Whose mailboxes have opened, or closed, at this relay. A stream begins with none. */
const Open = frame('open', {
  ids: z.array(PeerId).max(MAX_OPEN),
  closed: z.array(PeerId).max(MAX_OPEN),
});
export type Open = z.infer<typeof Open>;

/** This machine's own word: the blocks that it carries, or would, for whom an admin says. */
const OffersFrame = frame('offers', { blocks: Offers });

export const ClientFrame = z.discriminatedUnion('kind', [
  Applied,
  Candidates,
  IndicesOf,
  Ways,
  Consents,
  Open,
  OffersFrame,
]);
export type ClientFrame = z.infer<typeof ClientFrame>;

/**
 * All that a client may see at a position, without observations. `digests` lead there from the client's
 * position; a client further behind than `MAX_DIGESTS` pages through them first. Only a client without a
 * position trusts first sight.
 */
export const Snapshot = z.object({
  network: Hash,
  position: Position,
  hash: Hash,
  /** Equal to `position` if the client named none. */
  from: Position,
  digests: z.array(Hash),
  /** Absent if there were none, and from older servers. */
  restorations: z.array(Restoration).max(1000).optional(),
  peers: z.array(PeerRow),
  cidrs: z.array(CidrRow),
  /** Only to clients that can `limits`; absent: nothing in sight is limited. */
  limits: z.array(LimitRow).optional(),
  /** Those that are open to the client; absent: none. */
  routes: z.array(RouteRow).optional(),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** Digests of the records in (from, position], at most `MAX_DIGESTS`. */
export const DigestPage = z.object({ from: Position, position: Position, digests: z.array(Hash) });
export type DigestPage = z.infer<typeof DigestPage>;

/** WebSocket close codes (RFC 6455: 4000–4999 are private). */
export const CLOSE = {
  revoked: 4001,
  badFrame: 4003,
  /** The client's proof was wrong or late. */
  unproved: 4004,
  otherHistory: 4009,
  /** The log here ends before the client's position, and did so for 3 s: another server may know more. */
  behind: 4012,
  tooMany: 4029,
} as const;
