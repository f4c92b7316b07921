/** All that the page's picture is drawn from, and all that it may do: signals and functions. */
import type { ReadonlySignal } from '@preact/signals';
import type { Difference } from '../domain/difference.ts';
import type { Network } from '../domain/network.ts';
import type { ObservedWay } from '../protocol/looking.ts';
import type {
  About,
  Committed,
  Intent,
  PageRefusal,
  Prepared,
  ToldWays,
  TunnelWay,
} from '../protocol/page.ts';
import type { AnswerTo, Told } from '../protocol/past.ts';
import type { AssociationId, CidrId, PeerId, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';

export type { About, Intent, PageRefusal };

/** A new object at each change; the network in it is only read. */
export type Shown = {
  readonly network: Network;
  readonly position: Position;
  /** Of the last event; null: none, or not known here. */
  readonly time: Timestamp | null;
};

export type Link = {
  /** `away`: the server does not answer, and is asked again. `ended`: the program that shows the page is gone. */
  state: 'starting' | 'live' | 'away' | 'ended';
  refusal?: PageRefusal;
};

export type Observed = {
  /** Last handshake with the server. */
  seen?: Timestamp;
  /** A session with the server stands. */
  isConnected: boolean;
  /** Of this machine's own tunnel to it. */
  way?: TunnelWay['way'];
  /** Of its tunnels to other peers, by its own word. */
  told?: Pick<ToldWays, 'direct' | 'relayed'>;
};

export type Thing =
  | { kind: 'peer'; id: PeerId }
  | { kind: 'cidr'; id: CidrId }
  | { kind: 'association'; id: AssociationId };

/** `sentence` begins with `who`. */
export type Entry = Pick<
  Told,
  'position' | 'commandId' | 'recordedAt' | 'type' | 'data' | 'who' | 'sentence'
> & {
  /** Last position of its commit. */
  commitEnd: Position;
};

export type History = {
  /** Oldest first. */
  entries: readonly Entry[];
  /** From the first event on. */
  isWhole: boolean;
  /** Still being read. */
  isLoading: boolean;
  /** Why it is not whole, and what then. */
  sentence?: string;
};

export type Comparison = {
  from: Shown;
  to: Shown;
  difference: Difference;
  /** Between the two, the busiest first. */
  by: readonly { who: string; count: number }[];
  entries: readonly Entry[];
};

export type WhyShown =
  | { state: 'asking' }
  | { state: 'told'; answer: AnswerTo<'why'>; commandLine: string }
  | { state: 'refused'; refusal: PageRefusal };

export type Act = {
  intent: Intent;
  stage: 'preparing' | 'shown' | 'committing' | 'done' | 'refused';
  /** The server's own dry run. */
  prepared?: Prepared;
  /** The network as it would be. */
  after?: Shown;
  refusal?: PageRefusal;
  /** Said before the rest, such as that the network has moved on. */
  notice?: string;
  /** An invitation: kept nowhere else. */
  download?: Committed['download'];
};

export type Page = {
  readonly about: ReadonlySignal<About | undefined>;
  readonly link: ReadonlySignal<Link>;
  /** At the chosen moment; undefined before the first answer. */
  readonly shown: ReadonlySignal<Shown | undefined>;
  readonly now: ReadonlySignal<Shown | undefined>;
  readonly moment: ReadonlySignal<Position | 'now'>;
  /** A past state is on its way. */
  readonly isLoading: ReadonlySignal<boolean>;
  readonly observed: ReadonlySignal<ReadonlyMap<PeerId, Observed>>;
  /** None, one or two. */
  readonly selection: ReadonlySignal<readonly Thing[]>;
  readonly history: ReadonlySignal<History>;
  readonly comparison: ReadonlySignal<Comparison | undefined>;
  /** Of the tunnels of chosen peers, by their own words; empty where nobody says. */
  readonly ways: ReadonlySignal<readonly ObservedWay[]>;
  /** Of two chosen peers. */
  readonly why: ReadonlySignal<WhyShown | undefined>;
  /** The one that is in work. */
  readonly act: ReadonlySignal<Act | undefined>;
  /** What could not be done, until the next thing is. */
  readonly trouble: ReadonlySignal<PageRefusal | undefined>;

  /** `also` keeps the one chosen before; nothing: none is chosen. */
  choose(thing?: Thing, options?: { also?: boolean }): void;
  goTo(moment: Position | 'now'): void;
  /** The last commit at or before it. */
  goToTime(time: Timestamp): void;
  /** To the next or the previous commit. */
  step(by: 1 | -1): void;
  compare(from: Position, to: Position | 'now'): void;
  endCompare(): void;
  /** Earlier entries of a history that is not whole. */
  loadOlder(): void;
  /** Peers that may talk with this one, or with any of the CIDR or association. */
  reachOf(shown: Shown, thing: Thing): ReadonlySet<PeerId>;
  prepare(intent: Intent): void;
  /** Commits what is shown, its warning included. */
  confirm(): void;
  cancel(): void;
};
