/** The interface of a network to the verbs: the local log or the server's API. */

import type { Association } from '../domain/association-graph.ts';
import type { CidrNode } from '../domain/cidr-tree.ts';
import type { AdminCommand } from '../domain/command.ts';
import type { Promotion } from '../domain/network.ts';
import type { Peer } from '../domain/peer.ts';
import type { Route } from '../domain/route-table.ts';
import type { Outcome, Rehearsal } from '../protocol/commands.ts';
import type { ObservedWay } from '../protocol/looking.ts';
import type { AnswerTo, Asked, QuestionOf } from '../protocol/past.ts';
import type {
  RelayStanding,
  RouterOffers,
  SeenPeer,
  StandbyReport,
  UnprovedRefusal,
} from '../protocol/rows.ts';
import type { Endpoint } from '../values/endpoint.ts';
import type { Hash, PeerId, Position } from '../values/id.ts';
import type { PublicKey } from '../values/key.ts';

export type NetworkView = {
  name: string;
  networkId: Hash;
  position: Position;
  hash: Hash;
  peers: Peer[];
  cidrs: CidrNode[];
  associations: Association[];
  /** Undefined: the server does not say. */
  routes?: Route[] | undefined;
  /** What machines offer to carry; undefined: the server does not tell. */
  offers?: RouterOffers[] | undefined;
  /** Without what only admins are told. */
  isPartial?: true;
  /** Undefined: the server does not say. */
  isProofRequired?: boolean | undefined;
  /** Peers refused for lack of a proof by key, from a running server. */
  unproved?: UnprovedRefusal[] | undefined;
  /** From a running server. */
  seen?: SeenPeer[] | undefined;
  /** Why the server passes no packets of phones; absent: it does, or does not say. */
  phonesRefused?: string | undefined;
  /** What the machines of peers that are named relays say; undefined: the server does not tell. */
  relays?: RelayStanding[] | undefined;
  /** From a running server that knows standbys. */
  standbys?: StandbyReport | undefined;
  /** The latest take-over; absent: none, or the server does not tell. */
  promotion?: Promotion | undefined;
};

export type ServerFacts = {
  publicKey: PublicKey;
  /** WireGuard, outside. */
  externalEndpoint: Endpoint;
  /** The API, inside the tunnel. */
  internalEndpoint: Endpoint;
  /** Version of the server's own proof; absent: unknown. */
  proof?: number;
};

export interface Past {
  readonly network: string;
  /** The ways that packets of these peers take now; undefined: not known here, or not to this caller. */
  ways?(peers: readonly PeerId[]): Promise<ObservedWay[] | undefined>;
  /** What machines offer to carry, by their own word; undefined: not known here. */
  offers?(): Promise<RouterOffers[] | undefined>;
  /** Throws `Failure` if there is no answer, or none for this caller. */
  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>>;
  /** JSON texts of a local log, not safe for a terminal. */
  texts?(question: QuestionOf<'history'>): Promise<Texts>;
  close(): Promise<void>;
}

export type Texts = { texts: string[]; end: Position };

/** `inForce` is false if peers that lose something are not yet told. */
export type Executed = Outcome & { inForce?: false };

export interface Plane extends Past {
  /** Throws `Rejected` when a rule refuses, else `Failure`. */
  execute(command: AdminCommand): Promise<Executed>;
  /** What `execute` would do, without writing; throws alike. */
  rehearse(command: AdminCommand): Promise<Rehearsal>;
  view(): Promise<NetworkView>;
  /** Last handshakes with the server; absent: never. */
  seen?(view: NetworkView): Promise<SeenPeer[] | undefined>;
  server(): Promise<ServerFacts>;
}
