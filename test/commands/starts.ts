// Where a random sequence of commands may begin.
import fc from 'fast-check';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Cidr } from '../../src/values/ip.ts';
import { acme, acme6, endpoint, ids, ip, keyOf } from '../acme.ts';

/** Where a sequence may begin: nothing at all, acme in either family, and what an import may bring. */
export type Start = { name: string; events: readonly NetworkEvent[]; family: 4 | 6 };

/** Peers in inner CIDRs, host bits, free names, an invitation without end, an association from below to above. */
const odd: readonly NetworkEvent[] = [
  { type: 'NetworkImported', name: 'acme', source: { program: 'innernet', version: 2 } },
  ...acme.created.slice(1),
  acme.humans,
  { ...acme.engineers, name: 'Büro 2', cidr: '10.42.128.7/24' as Cidr },
  acme.bakers,
  acme.machines,
  ...acme.ann,
  { type: 'AdminGranted', peerId: ids.ann },
  ...acme.bob,
  ...acme.oven,
  {
    type: 'PeerAdded',
    peerId: ids.ryo,
    name: 'boss',
    ip: ip('10.42.130.1'),
    cidrId: ids.humans,
    publicKey: keyOf('boss'),
    isAdmin: true,
    inviteExpires: null,
    redeemed: true,
    disabled: true,
    endpoint: endpoint('0.0.0.0:4242'),
  },
  {
    type: 'PeerAdded',
    peerId: ids.eve,
    name: 'eve',
    ip: ip('10.42.0.9'),
    cidrId: ids.root,
    publicKey: keyOf("eve's invitation"),
    isAdmin: false,
    inviteExpires: null,
  },
  { type: 'AssociationAdded', associationId: 1 as never, cidrIds: [ids.bakers, ids.humans] },
  { type: 'LogRestored', lostPosition: 99, lostHash: '0'.repeat(64) as never },
];

export const starts: fc.Arbitrary<Start> = fc.constantFrom<Start>(
  { name: 'nothing', events: [], family: 4 },
  { name: 'nothing', events: [], family: 6 },
  { name: 'acme', events: acme.network, family: 4 },
  { name: 'acme', events: acme6.network, family: 6 },
  { name: 'an import', events: odd, family: 4 },
);
