// The shapes of innernet 2.0: what its programs send and read, field for field.
import { describe, expect, it } from 'vitest';
import {
  AssociationContents,
  CandidateList,
  Capabilities,
  CidrContents,
  EndpointChange,
  PeerContents,
  Redeem,
  State,
  SystemTime,
  V1Association,
  V1Cidr,
  V1Peer,
} from '../../src/protocol/v1.ts';
import { keyOf } from '../acme.ts';

const ryo = {
  id: 3,
  name: 'ryo',
  ip: '10.42.128.1',
  cidr_id: 3,
  public_key: keyOf('ryo'),
  endpoint: '1.2.3.4:51820',
  persistent_keepalive_interval: 25,
  is_admin: true,
  is_disabled: false,
  is_redeemed: true,
  invite_expires: { secs_since_epoch: 1_790_000_000, nanos_since_epoch: 0 },
  candidates: ['192.168.1.9:51820', '[fd00::1]:51820'],
};
const humans = { id: 3, name: 'humans', cidr: '10.42.128.0/17', parent: 1 };

it.each([
  ['a peer', V1Peer, ryo],
  [
    'a peer of whom little is known',
    V1Peer,
    { ...ryo, endpoint: null, persistent_keepalive_interval: null, invite_expires: null, candidates: [] },
  ],
  ['a CIDR', V1Cidr, humans],
  ['the root', V1Cidr, { ...humans, id: 1, parent: null }],
  ['an association', V1Association, { id: 1, cidr_id_1: 3, cidr_id_2: 4 }],
  ['the state', State, { peers: [ryo], cidrs: [humans] }],
  ['capabilities', Capabilities, { unspecified_ip_in_override_endpoint: true, stream: true, commands: true }],
  ['a redemption', Redeem, { public_key: keyOf('ryo') }],
  ['an endpoint that is set', EndpointChange, { option: 'Set', content: '0.0.0.0:51820' }],
  ['an endpoint that is unset', EndpointChange, { option: 'Unset' }],
  ['candidates', CandidateList, ['192.168.1.9:51820']],
] as const)('%s is read as it is written', (_, schema, value) =>
  expect(schema.parse(JSON.parse(JSON.stringify(value)))).toEqual(value),
);

it('what is posted has no id, and old programs leave out what they do not know', () => {
  const { id: _, candidates: _none, endpoint: _nowhere, invite_expires: _never, ...oldest } = ryo;
  expect(PeerContents.parse(oldest)).toEqual({ ...oldest, candidates: [] });
  const cidr = { name: 'humans', cidr: '10.42.128.0/17' };
  expect(CidrContents.parse({ ...cidr, mood: 'fine' })).toEqual(cidr);
  const association = { cidr_id_1: 3, cidr_id_2: 4 };
  expect(AssociationContents.parse(association)).toEqual(association);
});

describe('is refused:', () => {
  it.each([
    ['a peer that lacks its key', PeerContents, { ...ryo, public_key: undefined }],
    ['an id that is text', V1Peer, { ...ryo, id: '3' }],
    ['an id that is no whole number', V1Peer, { ...ryo, cidr_id: 1.5 }],
    ['a role that is text', PeerContents, { ...ryo, is_admin: 'yes' }],
    ['candidates that are no list', PeerContents, { ...ryo, candidates: '1.2.3.4:5' }],
    ['a redemption with another spelling of a key', Redeem, { public_key: `${keyOf('ryo')}=` }],
    ['an endpoint without a port', EndpointChange, { option: 'Set', content: '1.2.3.4' }],
    ['an endpoint change of another kind', EndpointChange, { option: 'Clear' }],
    ['a candidate that is a DNS name', CandidateList, ['vpn.example.org:51820']],
    ['a time before 1970', SystemTime, { secs_since_epoch: -1, nanos_since_epoch: 0 }],
    ['a time after the year 9999', SystemTime, { secs_since_epoch: 253_402_300_800, nanos_since_epoch: 0 }],
    ['nothing', State, null],
  ] as const)('%s', (_, schema, value) => expect(schema.safeParse(value).success).toBe(false));
});
