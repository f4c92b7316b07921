/**
 * The live stream: JSON text frames over a WebSocket (subprotocol `innernet.v1`). Kinds are explicit: nothing is
 * ever inferred from an empty or missing list. Unknown fields are ignored.
 */
import * as z from 'zod';
import { SocketAddress } from '../values/endpoint.ts';
import { CidrId, Hash, PeerId, Position } from '../values/id.ts';
import { Can } from './can.ts';
import { SIXTEEN_BYTES } from './proof-header.ts';
import { CidrRow, Observation, PeerRow } from './rows.ts';

export const SUBPROTOCOL = 'innernet.v1';
/** The server pings this often, in seconds; a side that misses two is taken for dead. */
export const HEARTBEAT_SECONDS = 20;
/** A delta that would be longer than this many bytes is fetched over HTTP instead. */
export const MAX_DELTA_BYTES = 64 * 1024;
/** A CIDR whose peers have had no frame for this many positions gets one with digests only. */
export const BOOKMARK_EVERY = 64;
/** What a client may send in one frame, in bytes. */
export const MAX_CLIENT_FRAME_BYTES = 16 * 1024;
/** Addresses that a peer may report. */
export const MAX_CANDIDATES = 10;

const frame = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({ kind: z.literal(kind), ...shape });

/** A backup was put back at a position of the log: what came after it before, up to the lost head, was given up. */
export const Restoration = z.object({ position: Position, lostPosition: Position, lostHash: Hash });
export type Restoration = z.infer<typeof Restoration>;

/** First frame of a stream, after the proofs where it is proved: where the server's log ends, and the boot of its observations. */
export const Welcome = frame('welcome', {
  /** The network's id: the hash of its first record. */
  network: Hash,
  position: Position,
  hash: Hash,
  heartbeat: z.number().positive(),
  boot: z.string().max(64),
  sequence: z.number().int().nonnegative(),
  /** The server's clock, in milliseconds since 1970: peers that have to meet at one moment agree by it. */
  now: z.number().int().positive().optional(),
  /** What the server can do. */
  can: Can.optional(),
});
export type Welcome = z.infer<typeof Welcome>;

/**
 * What changed in (from, position] for this client. `digests` has one entry for each of these positions, so the
 * client extends the chain itself and must arrive at `hash`. Rows are whole.
 */
export const Delta = frame('delta', {
  from: Position,
  position: Position,
  hash: Hash,
  digests: z.array(Hash),
  peers: z.object({
    changed: z.array(PeerRow),
    removed: z.array(PeerId),
    /** Of the changed, those who have just redeemed their invitations: they start the handshakes. */
    joined: z.array(PeerId).optional(),
  }),
  cidrs: z.object({ changed: z.array(CidrRow), removed: z.array(CidrId) }),
});
export type Delta = z.infer<typeof Delta>;

/** There is more than fits a frame: fetch a snapshot; it will be at this position or later. */
export const Fetch = frame('fetch', { position: Position, hash: Hash });
export type Fetch = z.infer<typeof Fetch>;

/**
 * Observations, numbered within the server's boot; they follow the delta that names their peers. Who has taken the
 * frame knows all up to `sequence`, and names that number when it comes back.
 */
export const Endpoints = frame('endpoints', {
  boot: z.string().max(64),
  sequence: z.number().int().nonnegative(),
  peers: z.array(Observation),
});
export type Endpoints = z.infer<typeof Endpoints>;

/** The last frame: this peer's right has ended. */
export const Revoked = frame('revoked', { reason: z.enum(['disabled', 'deleted', 'rekeyed']) });
export type Revoked = z.infer<typeof Revoked>;

export const ServerFrame = z.discriminatedUnion('kind', [Welcome, Delta, Fetch, Endpoints, Revoked]);
export type ServerFrame = z.infer<typeof ServerFrame>;

/**
 * First frame to a client whose upgrade was proved, followed at once by the server's `proof`. All else waits until the client
 * has sent its own: until each side has the other's, neither takes nor sends anything else. docs/proof-by-key.md
 */
const Challenge = frame('challenge', {
  network: Hash,
  /** The server's clock, as answers to calls tell it. */
  boot: z.string().regex(SIXTEEN_BYTES),
  now: z.number().int().nonnegative(),
  /** 16 random bytes in base64url: neither side's proof can be one of another stream. */
  nonce: z.string().regex(SIXTEEN_BYTES),
  can: Can,
});
export type Challenge = z.infer<typeof Challenge>;

/** By either side: that it has the key which is in the conf of the other. */
export const Proof = frame('proof', { tag: z.string().regex(SIXTEEN_BYTES) });
export type Proof = z.infer<typeof Proof>;

/** What the server sends before anything else on a stream that is proved. */
export const OpeningFrame = z.discriminatedUnion('kind', [Challenge, Proof]);
export type OpeningFrame = z.infer<typeof OpeningFrame>;

/** The client's WireGuard stands at this position; `held` counts what its pins or the chain made it hold back. */
const Applied = frame('applied', { position: Position, held: z.number().int().nonnegative() });
export type Applied = z.infer<typeof Applied>;

/** Where this client may be reached besides the address that the server sees. */
const Candidates = frame('candidates', { endpoints: z.array(SocketAddress).max(MAX_CANDIDATES) });
export type Candidates = z.infer<typeof Candidates>;

export const ClientFrame = z.discriminatedUnion('kind', [Applied, Candidates]);
export type ClientFrame = z.infer<typeof ClientFrame>;

/**
 * Everything that a client may see at a position. `digests` lead there from the position that the client named;
 * one that is further behind than `MAX_DIGESTS` pages through them first. Only a client that named no position
 * trusts first sight. Observations are never in here: they follow on the stream.
 */
export const Snapshot = z.object({
  network: Hash,
  position: Position,
  hash: Hash,
  /** The position that `digests` start after; equal to `position` where the client named none. */
  from: Position,
  digests: z.array(Hash),
  /** Absent where there were none, and from servers that know of none. */
  restorations: z.array(Restoration).max(1000).optional(),
  peers: z.array(PeerRow),
  cidrs: z.array(CidrRow),
});
export type Snapshot = z.infer<typeof Snapshot>;

/** One page of the chain: the digest of each record in (from, position], at most `MAX_DIGESTS` of them. */
export const DigestPage = z.object({ from: Position, position: Position, digests: z.array(Hash) });
export type DigestPage = z.infer<typeof DigestPage>;

/** Codes with which the server closes a stream (RFC 6455, 4000–4999 are private). */
export const CLOSE = {
  revoked: 4001,
  badFrame: 4003,
  /** The client did not prove itself in time, or wrongly. */
  unproved: 4004,
  otherHistory: 4009,
  tooMany: 4029,
} as const;
