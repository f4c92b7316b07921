// A network is made once, with a range that holds the server and at least one more peer.
import { describe, it } from 'vitest';
import { acme, acme6, cidr, cidrId, endpoint, ip, keyOf, peerId } from '../acme.ts';
import { type Asked, given } from '../given.ts';

const create = (range: string, at = 'vpn.example.org:51820'): Asked => ({
  type: 'CreateNetwork',
  name: 'acme',
  cidr: range,
  serverKey: keyOf('server'),
  endpoint: at,
});

describe.each([acme, acme6])('IPv$family', ({ created, createdNow, range }) => {
  it('begins with the need of proofs, the root CIDR, the server and its own CIDR', () =>
    given()
      .when(create(range))
      .emits(...createdNow));

  it('begins once', () =>
    given(created).when(create(range)).refuses({ code: 'NetworkExists', name: 'acme' }));
});

describe('a CIDR for the first peers', () => {
  const withFirst = (name: string, block: string) =>
    ({ ...create('10.42.0.0/16'), firstCidr: { name, cidr: block } }) as Asked;

  it('comes in the same commit', () =>
    given()
      .when(withFirst('people', '10.42.1.0/24'))
      .emits(...acme.createdNow, {
        type: 'CidrAdded',
        cidrId: cidrId(3),
        name: 'people',
        cidr: cidr('10.42.1.0/24'),
        parentId: cidrId(1),
      }));

  it('keeps to the rules of CIDRs, or there is no network', () =>
    given()
      .when(withFirst('people', '10.43.0.0/24'))
      .refuses({ code: 'CidrOutsideNetwork', cidr: cidr('10.43.0.0/24'), network: cidr('10.42.0.0/16') }));
});

const first = (range: string, server: string, own: string) =>
  given()
    .when(create(range))
    .emits(
      { type: 'NetworkCreated', name: 'acme' },
      { type: 'ProofRequired' },
      { type: 'CidrAdded', cidrId: cidrId(1), name: 'acme', cidr: cidr(range), parentId: null },
      { type: 'CidrAdded', cidrId: cidrId(2), name: 'innernet-server', cidr: cidr(own), parentId: cidrId(1) },
      {
        type: 'PeerAdded',
        peerId: peerId(1),
        name: 'innernet-server',
        ip: ip(server),
        cidrId: cidrId(2),
        publicKey: keyOf('server'),
        isAdmin: true,
        inviteExpires: null,
        redeemed: true,
        endpoint: endpoint('vpn.example.org:51820'),
      },
    );

describe('the smallest range has two addresses that peers can have', () => {
  it('such as a /31', () => first('10.42.0.0/31', '10.42.0.0', '10.42.0.0/32'));
  it('such as a /30', () => first('10.42.0.0/30', '10.42.0.1', '10.42.0.1/32'));
  it('such as a /127', () => first('fdac:42::/127', 'fdac:42::', 'fdac:42::/128'));
  it.each(['10.42.0.0/32', 'fdac:42::/128'])('not %s', (range) =>
    given()
      .when(create(range))
      .refuses({ code: 'RangeTooSmall', cidr: cidr(range) }),
  );
});

it.each(['0.0.0.0/0', '::/0'])('no network is %s, which is everything', (range) =>
  given()
    .when(create(range))
    .refuses({ code: 'RangeTooWide', cidr: cidr(range) }),
);

it.each(['0.0.0.0:51820', '[::]:51820'])('nobody can reach a server at %s', (at) =>
  given()
    .when(create(acme.range, at))
    .refuses({ code: 'EndpointUnspecified', endpoint: endpoint(at) }),
);

it('nothing else can be asked before', () =>
  given()
    .when({ type: 'AddCidr', name: 'humans', cidr: acme.block('humans') })
    .refuses({ code: 'NoNetwork' }));
