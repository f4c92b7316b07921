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

/** The network as an admin may see it, at one position. */
export type NetworkView = {
  name: string;
  networkId: Hash;
  position: Position;
  hash: Hash;
  peers: Peer[];
  cidrs: CidrNode[];
  associations: Association[];
  /** Whether requests need a proof by key; undefined: the server does not say. */
  isProofRequired?: boolean | undefined;
  /** Peers whose requests were refused for want of a proof by their key, as the running server has seen. */
  unproved?: UnprovedRefusal[] | undefined;
  /** Told by a running server of peers that it had a handshake with. */
  seen?: SeenPeer[] | undefined;
};

/** What an invitation says about the server. */
export type ServerFacts = {
  publicKey: PublicKey;
  /** Where WireGuard reaches it from outside. */
  externalEndpoint: Endpoint;
  /** Where the API listens inside the tunnel. */
  internalEndpoint: Endpoint;
  /** The protocol by which it proves itself; absent where it is not known to. */
  proof?: number;
};

/** What can be asked of a network's log. */
export interface Past {
  /** The network's name on this machine, for messages and hints. */
  readonly network: string;
  /** Throws `Failure` where the question has no answer, or none for who asks. */
  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>>;
  /** The same as JSON texts, where the log is at hand; each may have more in it than a terminal should see. */
  texts?(question: QuestionOf<'history'>): Promise<Texts>;
  close(): Promise<void>;
}

/** A page of history as JSON texts, and the position where it ends. */
export type Texts = { texts: string[]; end: Position };

/** What a command did; `inForce` is false where it took something from peers that nobody has told yet. */
export type Executed = Outcome & { inForce?: false };

export interface Plane extends Past {
  /** Throws `Rejected` when a rule says no, `Failure` when the world does. */
  execute(command: AdminCommand): Promise<Executed>;
  /** What `execute` would do; nothing is written. Throws as it does. */
  rehearse(command: AdminCommand): Promise<Rehearsal>;
  view(): Promise<NetworkView>;
  /** When the server had its last handshake with each peer; those are left out with which it never had one. */
  seen?(view: NetworkView): Promise<SeenPeer[] | undefined>;
  server(): Promise<ServerFacts>;
}
