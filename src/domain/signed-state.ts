/** What a signature stands on: the signed fields of the one thing that an event changes, and how often it was signed. */
import { preimage } from '../events/preimage.ts';
import { fromHex, type Sha256 } from '../events/record.ts';
import type { Thing } from '../events/subject.ts';
import { canonicalJson } from '../values/canonical.ts';
import { type Hash, NO_HASH } from '../values/id.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { Network, NetworkJson } from './network.ts';
import type { EachField, Peer } from './peer.ts';
import type { Route } from './route-table.ts';

/** `open`: the server may say it without an admin. */
type Mark = 'signed' | 'open';

type Marks<T> = EachField<T, Mark>;

const PEER: Marks<Peer> = {
  id: 'signed',
  name: 'signed',
  ip: 'signed',
  cidrId: 'signed',
  publicKey: 'signed',
  isAdmin: 'signed',
  isDisabled: 'signed',
  isRedeemed: 'signed',
  inviteExpires: 'signed',
  expires: 'signed',
  via: 'signed',
  isProofWaived: 'signed',
  relayPort: 'signed',
  relayEndpoint: 'signed',
  isStandby: 'signed',
  /** WireGuard shows who answers there. */
  endpoint: 'open',
  /** Follows from a restored backup. */
  isVouchedFor: 'open',
  /** Said by the peer itself, whose own machine judges by it. */
  hasProved: 'open',
  limits: 'open',
  /** Signed where it is handed in, by the invitation's key; kept apart, since only admins' are needed by others. */
  signingKey: 'open',
};

const CIDR: Marks<CidrNode> = {
  id: 'signed',
  name: 'signed',
  cidr: 'signed',
  parentId: 'signed',
  isIsolated: 'signed',
};

const ASSOCIATION: Marks<Association> = { id: 'signed', cidrIds: 'signed', allow: 'signed' };

const ROUTE: Marks<Route> = {
  id: 'signed',
  name: 'signed',
  blocks: 'signed',
  routers: 'signed',
  openTo: 'signed',
};

/** Of the network itself; its things are signed each by itself. */
const NETWORK: { readonly [F in keyof NetworkJson]: 'open' | ((network: Network) => unknown) } = {
  name: ({ name }) => name,
  isProofRequired: ({ isProofRequired }) => isProofRequired,
  defaultExpiry: ({ defaultExpiry }) => defaultExpiry,
  position: 'open',
  peers: 'open',
  cidrs: 'open',
  associations: 'open',
  routes: 'open',
  retiredIps: 'open',
  retiredKeys: 'open',
  nextIds: 'open',
  restorations: 'open',
  /** Of the machine that serves, which has the server's key whatever an admin says. */
  questionKey: 'open',
  promotion: 'open',
};

/** First byte of what is hashed; a leaf and a node of a commit's tree have others. */
const STATE = 2;
/** Of the marks: one more is another version. */
const VERSION = 1;

type Fields = { readonly [field: string]: unknown };

const signedOf = <T extends object>(thing: T | undefined, marks: Marks<T>): Fields | null =>
  thing === undefined
    ? null
    : Object.fromEntries(
        Object.entries(thing).filter(
          ([field, value]) => marks[field as keyof T] === 'signed' && value !== undefined,
        ),
      );

const ownOf = (network: Network): Fields =>
  Object.fromEntries(
    Object.entries(NETWORK).flatMap(([field, read]) => (read === 'open' ? [] : [[field, read(network)]])),
  );

const fieldsOf = (network: Network, thing: Thing | undefined): Fields | null => {
  switch (thing?.kind) {
    case undefined:
      return ownOf(network);
    case 'peer':
      return signedOf(network.peer(thing.id), PEER);
    case 'cidr':
      return signedOf(network.cidr(thing.id), CIDR);
    case 'association':
      return signedOf(network.association(thing.id), ASSOCIATION);
    case 'route':
      return signedOf(network.route(thing.id), ROUTE);
  }
};

/** `peer 4`, also as a key of maps. */
export const thingText = (thing: Thing | undefined): string =>
  thing ? `${thing.kind} ${thing.id}` : 'network';

/**
 * SHA-256(u8 2 ‖ u8 version ‖ network id ‖ T(thing) ‖ u64 count ‖ T(canonical JSON of its signed fields; `null`: gone)).
 * Before a thing is signed for the first time, 32 zero bytes. Format: docs/log-format.md.
 */
export const stateHash = (
  network: Network,
  { networkId, thing, count }: { networkId: Hash; thing: Thing | undefined; count: number },
  sha256: Sha256,
): Hash =>
  count === 0
    ? NO_HASH
    : sha256(
        preimage(
          { u8: STATE },
          { u8: VERSION },
          fromHex(networkId),
          thingText(thing),
          { u64: count },
          canonicalJson(fieldsOf(network, thing)),
        ),
      );
