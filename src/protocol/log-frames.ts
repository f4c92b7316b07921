/** JSON text frames by which a standby follows the server's log: whole sealed records, answers, observations. */
import * as z from 'zod';
import type { EventRecord } from '../events/record.ts';
import type { EventType } from '../events/schema.ts';
import { Port, SocketAddress } from '../values/endpoint.ts';
import { Hash, PeerId, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { SIXTEEN_BYTES, spell, unspell } from './proof-header.ts';

export const LOG_SUBPROTOCOL = 'innernet.log.v1';
/** GET, query: `position`, `hash` of the standby's head, and the `version` of its program. */
export const LOG_PATH = '/v1/user/log';
/** Interval of the server's pings; a side that misses two counts as dead. */
export const LOG_HEARTBEAT_SECONDS = 5;
/** A frame holds whole commits, and one commit may be large. */
export const MAX_LOG_FRAME_BYTES = 128 * 1024 * 1024;

const frame = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({ kind: z.literal(kind), ...shape });

/** The server's head; the standby's own is in its log. */
const Greeting = frame('greeting', { network: Hash, position: Position, hash: Hash });

/** Everything that is sealed, but what the commit says for all its records. */
const Sealed = z.strictObject({
  id: z.string(),
  type: z.string(),
  recordedAt: z.string(),
  body: z.string(),
  salt: z.string().regex(SIXTEEN_BYTES),
  digest: Hash,
  hash: Hash,
});

/** A whole commit in (from, from + records]; without records it is an answer alone. */
const LogCommit = z.strictObject({
  from: Position,
  actor: z.string(),
  commandId: z.string(),
  /** Digest of the command, by which a repeat gets the kept answer. */
  answer: Hash,
  records: z.array(Sealed),
});
export type LogCommit = z.infer<typeof LogCommit>;

const Records = frame('records', { commits: z.array(LogCommit) });

/** What the server has seen of a peer, enough to start the handshake with it from elsewhere. */
const ObservedPeer = z.object({
  id: PeerId,
  endpoint: SocketAddress.nullable(),
  reported: z.array(SocketAddress),
  lastHandshake: z.number().optional(),
  consent: z.object({ port: Port, trouble: z.string().optional() }).optional(),
});
export type ObservedPeer = z.infer<typeof ObservedPeer>;

/** All peers with observations first, then those that changed. */
const Observed = frame('observed', { peers: z.array(ObservedPeer) });

export const LogFrame = z.discriminatedUnion('kind', [Greeting, Records, Observed]);
export type LogFrame = z.infer<typeof LogFrame>;

/** All up to this position is on the standby's disk. */
const Reached = frame('reached', { position: Position });

/** The standby's program is too old for an event, and leaves. */
const UpdateMe = frame('update-me', { position: Position, type: z.string().max(64) });

export const StandbyFrame = z.discriminatedUnion('kind', [Reached, UpdateMe]);
export type StandbyFrame = z.infer<typeof StandbyFrame>;

/** Why the server ended the stream; others as on the clients' stream. */
export const LOG_CLOSE = {
  /** The peer is no named standby any more, or its key is another one. */
  notNamed: 4001,
  badFrame: 4003,
  /** The server's log has another record at the standby's position. */
  otherHistory: 4009,
  /** The server's log ends before the standby's. */
  behind: 4012,
  /** It does not know an event. */
  outdated: 4026,
  /** Another stream of this standby came. */
  replaced: 4029,
} as const;

/** A commit's records and its kept answer, as both logs have them. */
export type KeptCommit = {
  from: Position;
  to: Position;
  actor: string;
  commandId: string;
  commandDigest: Hash;
  records: readonly EventRecord[];
};

export const logCommit = (commit: KeptCommit): LogCommit => {
  const { from, actor, commandId, commandDigest: answer } = commit;
  const records = commit.records.map(({ id, type, recordedAt, body, salt, digest, hash }) => {
    return { id, type, recordedAt, body, salt: spell(salt), digest, hash };
  });
  return { from, actor, commandId, answer, records };
};

/** Positions follow from the order; whether records are sealed so, the chain tells. */
export const keptCommit = ({ from, actor, commandId, answer, records }: LogCommit): KeptCommit => {
  const commitEnd = from + records.length;
  return {
    from,
    to: commitEnd,
    actor,
    commandId,
    commandDigest: answer,
    records: records.map(({ type, recordedAt, salt, ...sealed }, index) => ({
      ...sealed,
      position: from + index + 1,
      commitEnd,
      commandId,
      actor,
      // The log reads unknown types, and a time that is none breaks the seal.
      type: type as EventType,
      recordedAt: recordedAt as Timestamp,
      salt: unspell(salt),
    })),
  };
};
