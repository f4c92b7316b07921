/** Questions about a network's past and present, and their answers, for both programs. */
import * as z from 'zod';
import { AdminCommand } from '../domain/command.ts';
import { Peer } from '../domain/peer.ts';
import { Hash, PeerId, Position, RouteId } from '../values/id.ts';
import { Ip, RecordedCidr } from '../values/ip.ts';
import { RecordedName } from '../values/name.ts';
import { Allow } from '../values/opening.ts';
import { Timestamp } from '../values/time.ts';
import { AssociationAt, CidrAt, CidrRow, PromotionAt, RouteAt } from './rows.ts';

/** A time, or the position of the last record (0: before the first). */
export const Moment = z.union([Position, Timestamp]);
export type Moment = z.infer<typeof Moment>;

const MAX_ENTRIES = 1000;

/** A peer, CIDR or association by name, as in `projections/things.ts`. */
const ThingName = z.string().min(1).max(600);

const question = <A extends string, S extends z.ZodRawShape>(ask: A, shape: S) =>
  z.strictObject({ ask: z.literal(ask), ...shape });

export const Question = z.discriminatedUnion('ask', [
  question('head', {}),
  /** `orBeginning`: a time before the first record means the beginning. */
  question('place', { at: Moment, orBeginning: z.boolean().optional() }),
  question('history', {
    /** Entries in (after, until]; `until` defaults to the head. */
    after: Position,
    until: Position.optional(),
    types: z.array(z.string().max(64)).min(1).max(64).optional(),
    /** A peer, a user of the server's machine, or `server`. */
    actor: RecordedName.optional(),
    about: ThingName.optional(),
    reverse: z.boolean().optional(),
    limit: z.number().int().min(1).max(MAX_ENTRIES),
    /** Leaves `who` and `sentence` empty. */
    wordless: z.boolean().optional(),
    /** With nothing new, waits some seconds for an entry. */
    wait: z.boolean().optional(),
  }),
  question('state', { at: Moment.optional() }),
  question('diff', { from: Moment, to: Moment.optional() }),
  question('why', { peers: z.tuple([ThingName, ThingName]), at: Moment.optional() }),
  /** Of a route, by its name. */
  question('whyRoute', { peer: ThingName, route: ThingName, at: Moment.optional() }),
  /** How to undo the commit that ends at `reverts`, or everything after `to`. */
  question('undo', {
    reverts: Position.optional(),
    to: Position.optional(),
    /** Default: the head. */
    at: Position.optional(),
  }),
]);
export type Question = z.infer<typeof Question>;
export type Asked = Question['ask'];
export type QuestionOf<A extends Asked> = Extract<Question, { ask: A }>;

/** A position with its hash and time; `time` is null before the first record. */
export const Place = z.object({ position: Position, hash: Hash, time: Timestamp.nullable() });
export type Place = z.infer<typeof Place>;

const ToldActor = z.object({
  kind: z.enum(['operator', 'peer', 'server']),
  /** The name at that time; absent where the asker may not know it. */
  name: z.string().optional(),
  peerId: PeerId.optional(),
  uid: z.number().int().optional(),
  user: z.string().optional(),
});

/** `sentence` says who did what; times are ISO 8601, UTC. */
export const Told = z.object({
  position: Position,
  id: z.string(),
  commandId: z.string(),
  recordedAt: Timestamp,
  actor: ToldActor,
  /** May be unknown here: the server may be newer. */
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
  hash: Hash,
  who: z.string(),
  sentence: z.string(),
});
export type Told = z.infer<typeof Told>;

const PeerBrief = z.object({ id: PeerId, name: z.string(), ip: Ip });
export type PeerBrief = z.infer<typeof PeerBrief>;

const Pairs = {
  peers: z.array(PeerBrief),
  others: z.array(PeerBrief),
  pairs: z.number().int().nonnegative(),
};

/** What may be begun by `peers`, and by `others`; absent: everything. */
const Opens = z.tuple([z.array(Allow), z.array(Allow)]).optional();

/** All of `peers` with all of `others`. */
const ReachGroup = z.object({ ...Pairs, opens: Opens });
export type ReachGroup = z.infer<typeof ReachGroup>;

/** In reach of each other before and after. */
const TurnedGroup = z.object({ ...Pairs, before: Opens, after: Opens });

/** Changes in who can reach whom, and in what they may begin. */
export const Reach = z.object({
  gained: z.array(ReachGroup),
  lost: z.array(ReachGroup),
  /** Absent: nothing is limited, or the server is an older one. */
  turned: z.array(TurnedGroup).optional(),
});
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
  /** The CIDRs from each one's own up to the deciding one. */
  chains: z.tuple([z.array(CidrRow), z.array(CidrRow)]).optional(),
  events: z.array(Told),
  /** Remedies, nearest first, without program and network. */
  verbs: z.array(z.string()),
});

const OpeningsTold = z.union([z.literal('all'), z.array(Allow)]).nullable();

const JudgedPeer = PeerBrief.extend({ cidr: z.string().nullable() });

const Obstacle = z.object({ sentence: z.string(), hint: z.string(), verb: z.string().optional() });

export const ANSWERS = {
  head: Place.extend({ network: z.string(), networkId: Hash }),
  place: Place,
  /** `end`: how far the search went. */
  history: z.object({ entries: z.array(Told), end: Position }),
  state: Place.extend({
    network: z.string(),
    cidrs: z.array(CidrAt),
    peers: z.array(Peer),
    associations: z.array(AssociationAt),
    /** Absent from older servers. */
    routes: z.array(RouteAt).optional(),
    /** Absent from older servers. */
    isProofRequired: z.boolean().optional(),
    /** Seconds until new peers end; null: never. Absent from older servers. */
    defaultExpiry: z.number().nullable().optional(),
    /** The latest take-over by a standby; absent: none. */
    promotion: PromotionAt.optional(),
  }),
  diff: z.object({
    from: Place,
    to: Place,
    cidrs: rows(CidrAt),
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
    /** Whether the rule of CIDRs shows the second to the first, and vice versa. */
    sight: z.tuple([z.boolean(), z.boolean()]),
    /** What the first may begin towards the second, and vice versa; null: nothing joins them. Absent from older servers. */
    openings: z.tuple([OpeningsTold, OpeningsTold]).optional(),
    reasons: z.array(ToldReason),
    /** The event that made it so; null if it always was. */
    since: Told.nullable(),
  }),
  whyRoute: z.object({
    /** As the log says; the machine of a router must offer it as well. */
    isUsable: z.boolean(),
    at: Place,
    peer: PeerBrief,
    route: z.object({ id: RouteId, name: z.string(), blocks: z.array(RecordedCidr) }),
    /** The least rank first. */
    routers: z.array(z.object({ id: PeerId, name: z.string(), rank: z.number(), isSeen: z.boolean() })),
    reasons: z.array(ToldReason.omit({ chains: true })),
  }),
  undo: z.object({
    reverts: Position,
    returnsTo: Position.optional(),
    at: Position,
    commands: z.array(AdminCommand),
    sentences: z.array(z.string()),
    obstacles: z.array(Obstacle),
    reach: Reach,
  }),
} satisfies { [A in Asked]: z.ZodType };

export type AnswerTo<A extends Asked> = z.infer<(typeof ANSWERS)[A]>;
