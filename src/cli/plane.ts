/** What the verbs need of a network, whichever program they run in: the log on this machine, or the server's API. */

import type { Association } from '../domain/association-graph.ts';
import type { CidrNode } from '../domain/cidr-tree.ts';
import type { AdminCommand } from '../domain/command.ts';
import type { Peer } from '../domain/peer.ts';
import type { Outcome, Rehearsal } from '../protocol/commands.ts';
import type { AnswerTo, Asked, QuestionOf } from '../protocol/past.ts';
import type { SeenPeer, UnprovedRefusal } from '../protocol/rows.ts';
import type { Endpoint } from '../values/endpoint.ts';
import type { Hash, Position } from '../values/id.ts';
import type { PublicKey } from '../values/key.ts';

/** The network as an admin sees it, at one position. */
export type NetworkView = {
  name: string;
  networkId: Hash;
  position: Position;
  hash: Hash;
  peers: Peer[];
  cidrs: CidrNode[];
  associations: Association[];
  /** Undefined: the server does not say. */
  isProofRequired?: boolean | undefined;
  /** Peers refused for lack of a proof by key, as the running server has seen. */
  unproved?: UnprovedRefusal[] | undefined;
  /** Peers that the running server had a handshake with. */
  seen?: SeenPeer[] | undefined;
};

/** The server's part of an invitation. */
export type ServerFacts = {
  publicKey: PublicKey;
  /** WireGuard's endpoint outside. */
  externalEndpoint: Endpoint;
  /** The API's endpoint inside the tunnel. */
  internalEndpoint: Endpoint;
  /** Protocol version of the server's own proof; absent if unknown. */
  proof?: number;
};

/** Questions to a network's log. */
export interface Past {
  /** The network's name on this machine, for messages and hints. */
  readonly network: string;
  /** Throws `Failure` if the question has no answer, or none for this caller. */
  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>>;
  /** The same as JSON texts, where the log is local; not made safe for a terminal. */
  texts?(question: QuestionOf<'history'>): Promise<Texts>;
  close(): Promise<void>;
}

/** A page of history as JSON texts, and its last position. */
export type Texts = { texts: string[]; end: Position };

/** A command's outcome; `inForce` is false if it took something from peers that are not yet told. */
export type Executed = Outcome & { inForce?: false };

export interface Plane extends Past {
  /** Throws `Rejected` when a rule refuses, `Failure` for other errors. */
  execute(command: AdminCommand): Promise<Executed>;
  /** What `execute` would do, without writing; throws alike. */
  rehearse(command: AdminCommand): Promise<Rehearsal>;
  view(): Promise<NetworkView>;
  /** Last handshakes of the server; peers without one are left out. */
  seen?(view: NetworkView): Promise<SeenPeer[] | undefined>;
  server(): Promise<ServerFacts>;
}
