/** What the page in a browser and the program that shows it say to each other, over loopback. */
import * as z from 'zod';
import { type PeerId, Position } from '../values/id.ts';
import { Cidr, Ip } from '../values/ip.ts';
import { Hostname, RecordedName } from '../values/name.ts';
import { Seconds } from '../values/time.ts';
import type { Rehearsal } from './commands.ts';
import { type AnswerTo, Question, type Reach, type Told } from './past.ts';
import type { SeenPeer } from './rows.ts';

/** Beyond it the page asks for each moment instead of folding the log. */
export const MAX_FOLDED_EVENTS = 50_000;

/** Entries in one answer. */
export const PAGE_OF_ENTRIES = 1000;

export const PAGE_PATHS = {
  enter: '/enter',
  first: '/first',
  past: '/past',
  follow: '/follow',
  ask: '/ask',
  ways: '/ways',
  prepare: '/prepare',
  commit: '/commit',
} as const;

/** Of each answer to a known key: the secret by which its tab knows the program. */
export const COUNTERSIGN_HEADER = 'innernet-countersign';

const intent = <D extends string, S extends z.ZodRawShape>(name: D, shape: S) =>
  z.strictObject({ do: z.literal(name), ...shape });

const peer = RecordedName;
const cidr = RecordedName;
const cidrs = z.tuple([RecordedName, RecordedName]);
const Ways = z.string().max(1000);

/** An admin's wish, by present names. */
export const Intent = z.discriminatedUnion('do', [
  intent('invite', {
    name: Hostname,
    cidr,
    ip: Ip.optional(),
    isAdmin: z.boolean().optional(),
    inviteExpiresSeconds: Seconds.optional(),
  }),
  intent('rename-peer', { peer, name: Hostname }),
  intent('disable', { peer }),
  /** `expiresSeconds`: from now; needed where the peer's time is over. */
  intent('enable', { peer, expiresSeconds: Seconds.optional() }),
  intent('delete-peer', { peer }),
  intent('grant-admin', { peer }),
  intent('revoke-admin', { peer }),
  intent('revoke-invitation', { peer }),
  intent('add-cidr', { name: Hostname, cidr: Cidr, parent: cidr.optional() }),
  intent('rename-cidr', { cidr, name: Hostname }),
  intent('delete-cidr', { cidr }),
  intent('associate', { cidrs }),
  intent('end-association', { cidrs }),
  /** `allow`: what the peers of each may begin, as `--allow` has it without the CIDR: `tcp/22,80 icmp`; empty: nothing. */
  intent('limit-association', { cidrs, allow: z.tuple([Ways, Ways]) }),
  intent('unlimit-association', { cidrs }),
  intent('isolate-cidr', { cidr }),
  intent('unisolate-cidr', { cidr }),
  /** The program makes the key, which the page shows once. */
  intent('add-phone', { name: Hostname, cidr }),
  intent('rekey-phone', { peer }),
  /** The commit that ends there. */
  intent('undo', { position: Position }),
  /** Everything after it. */
  intent('undo-since', { position: Position }),
]);
export type Intent = z.infer<typeof Intent>;

/** Answered by the key to send and the countersign to expect. */
export const Entrance = z.strictObject({ token: z.string().max(64) });

/** Of (after, until]; without `until`, what is still to happen too. */
export const Stretch = z.strictObject({ after: Position, until: Position.optional() });

export const PageQuestion = z.strictObject({ question: Question });

export const ToPrepare = z.strictObject({ intent: Intent });

/** `at`: the position of what was shown; `confirmed`: its warning was read. */
export const ToCommit = z.strictObject({ intent: Intent, at: Position, confirmed: z.boolean().optional() });

export type PageRefusal = {
  sentence: string;
  hint?: string;
  /** The command line that would help. */
  commandLine?: string;
  /** Of a rule's refusal. */
  code?: string;
};

/** `self` is null where the program is no peer of its own. */
export type About = {
  program: 'innernet' | 'innernet-server';
  version: string;
  /** The program with its flags, as one types it. */
  typed: string;
  /** The network's name on this machine. */
  local: string;
  self: PeerId | null;
  isAdmin: boolean;
};

export type FirstAnswer = { about: About; state: AnswerTo<'state'> };

/** The effect by the server's own dry run. */
export type Prepared = {
  /** To type instead. */
  commandLine: string;
  position: Position;
  sentences: string[];
  /** Absent: more than one request can carry. */
  events?: Rehearsal['events'];
  reach: Reach;
  /** What an undo cannot undo. */
  obstacles: { sentence: string; hint: string; commandLine?: string }[];
  /** To be confirmed, such as the last admin. */
  warning?: string;
};

/** A QR code: its dark parts as the path of an SVG, in modules, and how many there are on a side. */
export type Drawing = { side: number; path: string };

export type Committed = {
  position: Position;
  /** Nothing had to change. */
  isNothing: boolean;
  /** An invitation, or the file of a phone: shown once and kept nowhere. */
  download?: { name: string; text: string; code?: Drawing };
  /** Peers are not told yet: the network is not served. */
  isUntold?: true;
};

export type TunnelWay = {
  peerId: PeerId;
  way: 'direct' | 'relayed' | 'trying' | 'silent';
};

/** Tunnels of a machine to other peers, by its own word while an admin looks; the server left out. */
export type ToldWays = { peerId: PeerId; direct: number; relayed: number };

/** One line of the stream each. */
export type News =
  | { kind: 'entries'; entries: Told[]; end: Position }
  /** For a peer that is no admin: what it sees now. */
  | { kind: 'whole'; state: FirstAnswer['state'] }
  | { kind: 'seen'; seen: SeenPeer[]; ways: TunnelWay[]; told: ToldWays[] }
  | { kind: 'away'; refusal: PageRefusal }
  | { kind: 'back' }
  | { kind: 'beat' };
