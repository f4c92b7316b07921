/** Questions about a network's past and present, asked of its log, and their answers: the same in both programs. */
import * as z from 'zod';
import { AdminCommand } from '../domain/command.ts';
import { Peer } from '../domain/peer.ts';
import { AssociationId, CidrId, Hash, PeerId, Position } from '../values/id.ts';
import { Ip } from '../values/ip.ts';
import { RecordedName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';
import { CidrRow } from './rows.ts';

/** A moment of a network: after the record at a position (0: before the first), or a time. */
export const Moment = z.union([Position, Timestamp]);
export type Moment = z.infer<typeof Moment>;

/** Entries in one answer, at most. */
const MAX_ENTRIES = 1000;

/** A peer, CIDR or association as people name it: see `projections/things.ts`. */
const ThingName = z.string().min(1).max(600);

const question = <A extends string, S extends z.ZodRawShape>(ask: A, shape: S) =>
  z.strictObject({ ask: z.literal(ask), ...shape });

export const Question = z.discriminatedUnion('ask', [
  question('head', {}),
  /** `orBeginning`: a time before the first record means the beginning. */
  question('place', { at: Moment, orBeginning: z.boolean().optional() }),
  question('history', {
    /** Entries in (after, until]; without `until` up to the head. */
    after: Position,
    until: Position.optional(),
    types: z.array(z.string().max(64)).min(1).max(64).optional(),
    /** Name of a peer, of a user at the server's command line, or `server`. */
    actor: RecordedName.optional(),
    about: ThingName.optional(),
    /** Newest first. */
    reverse: z.boolean().optional(),
    limit: z.number().int().min(1).max(MAX_ENTRIES),
    /** Without sentences: `who` and `sentence` are empty. */
    wordless: z.boolean().optional(),
    /** Where there is nothing after `after` yet, answer when there is, or some seconds later with nothing. */
    wait: z.boolean().optional(),
  }),
  question('state', { at: Moment.optional() }),
  question('diff', { from: Moment, to: Moment.optional() }),
  question('why', { peers: z.tuple([ThingName, ThingName]), at: Moment.optional() }),
  /** How to undo the commit that ends at `reverts`, or, with `to`, everything since that position. */
  question('undo', {
    reverts: Position.optional(),
    to: Position.optional(),
    /** The position at which it is to be done; absent: the head. */
    at: Position.optional(),
  }),
]);
export type Question = z.infer<typeof Question>;
export type Asked = Question['ask'];
export type QuestionOf<A extends Asked> = Extract<Question, { ask: A }>;

/** A position, the chain's value there, and when it was recorded; null before the first record. */
export const Place = z.object({ position: Position, hash: Hash, time: Timestamp.nullable() });
export type Place = z.infer<typeof Place>;

const ToldActor = z.object({
  kind: z.enum(['operator', 'peer', 'server']),
  /** What they were called then; absent where the asker may not know. */
  name: z.string().optional(),
  peerId: PeerId.optional(),
  uid: z.number().int().optional(),
  user: z.string().optional(),
});

/** One event as it is told; `sentence` says who did what, with moments in ISO 8601, UTC. */
export const Told = z.object({
  position: Position,
  id: z.string(),
  commandId: z.string(),
  recordedAt: Timestamp,
  actor: ToldActor,
  /** A newer server may know types that this program does not. */
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
  hash: Hash,
  /** Who did it, in words: the sentence begins with it. */
  who: z.string(),
  sentence: z.string(),
});
export type Told = z.infer<typeof Told>;

const AssociationAt = z.object({ id: AssociationId, cidrIds: z.tuple([CidrId, CidrId]) });

/** A peer in short. */
const PeerBrief = z.object({ id: PeerId, name: z.string(), ip: Ip });
export type PeerBrief = z.infer<typeof PeerBrief>;

/** Each of `peers` with each of `others`, in both directions: so many pairs. */
const ReachGroup = z.object({
  peers: z.array(PeerBrief),
  others: z.array(PeerBrief),
  pairs: z.number().int().nonnegative(),
});
export type ReachGroup = z.infer<typeof ReachGroup>;

/** Who can reach whom and could not, and who could and no longer can. */
export const Reach = z.object({ gained: z.array(ReachGroup), lost: z.array(ReachGroup) });
export type Reach = z.infer<typeof Reach>;

const rows = <R extends z.ZodType>(row: R) =>
  z.object({
    added: z.array(row),
    removed: z.array(row),
    changed: z.array(z.object({ before: row, after: row })),
  });

const NamedAssociation = AssociationAt.extend({ cidrs: z.tuple([z.string(), z.string()]) });

const ToldReason = z.object({
  code: z.string(),
  sentence: z.string(),
  /** For each of the two the CIDRs from its own up to the one that decides. */
  chains: z.tuple([z.array(CidrRow), z.array(CidrRow)]).optional(),
  /** What made it so. */
  events: z.array(Told),
  /** Commands that would change it, nearest first, without program and network. */
  verbs: z.array(z.string()),
});

const JudgedPeer = PeerBrief.extend({ cidr: z.string().nullable() });

const Obstacle = z.object({ sentence: z.string(), hint: z.string(), verb: z.string().optional() });

export const ANSWERS = {
  head: Place.extend({ network: z.string(), networkId: Hash }),
  place: Place,
  /** Everything up to `end` (down to, where the newest come first) has been looked through. */
  history: z.object({ entries: z.array(Told), end: Position }),
  state: Place.extend({
    network: z.string(),
    cidrs: z.array(CidrRow),
    peers: z.array(Peer),
    associations: z.array(AssociationAt),
    /** Whether requests need a proof by key; absent: an older server does not say. */
    isProofRequired: z.boolean().optional(),
    /** Seconds after which peers end that are added; null: they do not. Absent: an older server does not say. */
    defaultExpiry: z.number().nullable().optional(),
  }),
  diff: z.object({
    from: Place,
    to: Place,
    cidrs: rows(CidrRow),
    peers: rows(Peer),
    associations: rows(NamedAssociation),
    isProofRequired: z.object({ before: z.boolean(), after: z.boolean() }).optional(),
    defaultExpiry: z.object({ before: z.number().nullable(), after: z.number().nullable() }).optional(),
    reach: Reach,
  }),
  why: z.object({
    visible: z.boolean(),
    at: Place,
    peers: z.tuple([JudgedPeer, JudgedPeer]),
    /** Whether the first is shown the second by the rule of CIDRs, and the second the first. */
    sight: z.tuple([z.boolean(), z.boolean()]),
    reasons: z.array(ToldReason),
    /** The event by which it became as it is; null where it never was otherwise. */
    since: Told.nullable(),
  }),
  undo: z.object({
    reverts: Position,
    returnsTo: Position.optional(),
    /** Where it was planned. */
    at: Position,
    commands: z.array(AdminCommand),
    /** What would be recorded, one for each event. */
    sentences: z.array(z.string()),
    /** What cannot be undone. */
    obstacles: z.array(Obstacle),
    reach: Reach,
  }),
} satisfies { [A in Asked]: z.ZodType };

export type AnswerTo<A extends Asked> = z.infer<(typeof ANSWERS)[A]>;
