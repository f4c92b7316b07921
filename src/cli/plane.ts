/** What the verbs need of a network, whichever program they run in: the log on this machine, or the server's API. */
import type { AdminCommand } from '../domain/command.ts';
import type { Association, CidrNode, Peer } from '../domain/network.ts';
import type { Outcome } from '../protocol/commands.ts';
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
};

/** What an invitation says about the server. */
export type ServerFacts = {
  publicKey: PublicKey;
  /** Where WireGuard reaches it from outside. */
  externalEndpoint: Endpoint;
  /** Where the API listens inside the tunnel. */
  internalEndpoint: Endpoint;
};

export interface Plane {
  /** The network's name on this machine, for messages and hints. */
  readonly network: string;
  /** Throws `Rejected` when a rule says no, `Failure` when the world does. */
  execute(command: AdminCommand): Promise<Outcome>;
  view(): Promise<NetworkView>;
  server(): Promise<ServerFacts>;
  close(): Promise<void>;
}
