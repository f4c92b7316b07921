/**
 * The first commit of a network: its name, required proofs by key, the root CIDR, the server's CIDR and peer,
 * and on request a CIDR for the first peers and the server's relay.
 */
import type { NetworkEvent } from '../events/schema.ts';
import { isUnspecified } from '../values/endpoint.ts';
import { ROOT_CIDR, SERVER_CIDR, SERVER_NAME, SERVER_PEER } from '../values/id.ts';
import { assignableRange, familyOf, fromNumber, type Ip, prefixOf, singleton } from '../values/ip.ts';
import { addCidr } from './cidrs.ts';
import type { CommandOf } from './command.ts';
import { accept, type Rule, reject } from './decision.ts';

export const createNetwork: Rule<'CreateNetwork'> = (network, command, context) => {
  const { cidr, endpoint, firstCidr, relayPort: port } = command;
  if (network.cidr(ROOT_CIDR)) return reject({ code: 'NetworkExists', name: network.name });
  const { first, last } = assignableRange(cidr);
  if (prefixOf(cidr) === 0) return reject({ code: 'RangeTooWide', cidr });
  if (last - first < 1n) return reject({ code: 'RangeTooSmall', cidr });
  if (isUnspecified(endpoint)) return reject({ code: 'EndpointUnspecified', endpoint });
  const events = beginning(command, fromNumber(first, familyOf(cidr)));
  const relay: NetworkEvent[] = port === undefined ? [] : [{ type: 'RelaySet', peerId: SERVER_PEER, port }];
  if (!firstCidr) return accept(...events, ...relay);
  const draft = network.draft();
  for (const event of events) draft.evolve(event);
  const added = addCidr(draft, { type: 'AddCidr', ...firstCidr }, context);
  return added.accepted ? accept(...events, ...added.events, ...relay) : added;
};

const beginning = (
  { name, cidr, serverKey, endpoint }: CommandOf<'CreateNetwork'>,
  ip: Ip,
): NetworkEvent[] => [
  { type: 'NetworkCreated', name },
  { type: 'ProofRequired' },
  { type: 'CidrAdded', cidrId: ROOT_CIDR, name, cidr, parentId: null },
  { type: 'CidrAdded', cidrId: SERVER_CIDR, name: SERVER_NAME, cidr: singleton(ip), parentId: ROOT_CIDR },
  {
    type: 'PeerAdded',
    peerId: SERVER_PEER,
    name: SERVER_NAME,
    ip,
    cidrId: SERVER_CIDR,
    publicKey: serverKey,
    isAdmin: true,
    inviteExpires: null,
    redeemed: true,
    endpoint,
  },
];
