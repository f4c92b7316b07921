// The tree of CIDRs: where a block may hang, what it is called, and when it can go.
import { describe, it } from 'vitest';
import { type Acme, acme, acme6, associated, associationId, cidr, cidrId, ids } from '../acme.ts';
import { type Asked, given } from '../given.ts';

/** Blocks below the fixture's, in both spellings. */
const BLOCKS = {
  4: {
    free: '10.42.2.0/24',
    inHumans: '10.42.130.0/24',
    inEngineers: '10.42.128.64/26',
    overEngineersAndBakers: '10.42.128.0/23',
    overServer: '10.42.0.0/24',
    outside: '10.43.0.0/16',
    wider: '10.0.0.0/8',
    otherFamily: 'fdac:42::/64',
    single: '10.42.2.7/32',
    pair: '10.42.2.6/31',
  },
  6: {
    free: 'fdac:42:0:2::/64',
    inHumans: 'fdac:42:0:8002::/64',
    inEngineers: 'fdac:42:0:8000:8000::/65',
    overEngineersAndBakers: 'fdac:42:0:8000::/63',
    overServer: 'fdac:42::/64',
    outside: 'fdac:43::/48',
    wider: 'fdac::/16',
    otherFamily: '10.42.2.0/24',
    single: 'fdac:42:0:2::7/128',
    pair: 'fdac:42:0:2::6/127',
  },
} as const;

const add = (name: string, block: string, parent?: string | number): Asked => ({
  type: 'AddCidr',
  name,
  cidr: block,
  ...(parent === undefined ? {} : { parent }),
});

describe.each([acme, acme6])('IPv$family', (network: Acme) => {
  const blocks = BLOCKS[network.family];
  const added = (name: string, block: string, parentId = ids.root, id = 7) =>
    ({ type: 'CidrAdded', cidrId: cidrId(id), name, cidr: cidr(block), parentId }) as const;

  describe('a new CIDR', () => {
    it('hangs under the smallest that contains it', () => {
      given(network.ranges).when(add('robots', blocks.free)).emits(added('robots', blocks.free));
      given(network.ranges)
        .when(add('cooks', blocks.inHumans))
        .emits(added('cooks', blocks.inHumans, ids.humans));
    });

    it('may have that one named as its parent, by name or id', () => {
      given(network.ranges)
        .when(add('cooks', blocks.inHumans, 'humans'))
        .emits(added('cooks', blocks.inHumans, ids.humans));
      given(network.ranges)
        .when(add('cooks', blocks.inHumans, ids.humans))
        .emits(added('cooks', blocks.inHumans, ids.humans));
    });

    it.each(['single', 'pair'] as const)('may be as small as a %s', (size) =>
      given(network.ranges).when(add('robots', blocks[size])).emits(added('robots', blocks[size])),
    );

    it('hangs under no other', () =>
      given(network.ranges)
        .when(add('cooks', blocks.inHumans, 'acme'))
        .refuses({
          code: 'CidrBelongsElsewhere',
          name: 'cooks',
          cidr: cidr(blocks.inHumans),
          parent: 'acme',
          belongsIn: 'humans',
        }));

    it('hangs under none that does not contain it', () =>
      given(network.ranges)
        .when(add('robots', blocks.free, 'humans'))
        .refuses({
          code: 'CidrBelongsElsewhere',
          name: 'robots',
          cidr: cidr(blocks.free),
          parent: 'humans',
          belongsIn: 'acme',
        }));

    it('hangs under none that there is not', () =>
      given(network.ranges)
        .when(add('robots', blocks.free, 'nowhere'))
        .refuses({ code: 'UnknownCidr', cidr: 'nowhere' }));

    it.each(['outside', 'wider', 'otherFamily'] as const)('lies inside the network, not %s', (where) =>
      given(network.ranges)
        .when(add('robots', blocks[where]))
        .refuses({ code: 'CidrOutsideNetwork', cidr: cidr(blocks[where]), network: network.range }),
    );

    it('does not overlap a sibling by lying around it', () => {
      given(network.ranges)
        .when(add('cooks', blocks.overEngineersAndBakers))
        .refuses({
          code: 'CidrOverlaps',
          cidr: cidr(blocks.overEngineersAndBakers),
          sibling: 'engineers',
          siblingCidr: network.block('engineers'),
        });
      given(network.ranges)
        .when(add('cooks', blocks.overServer))
        .refuses({
          code: 'CidrOverlaps',
          cidr: cidr(blocks.overServer),
          sibling: 'innernet-server',
          siblingCidr: network.block('server'),
        });
    });

    it('has a block that no other has', () => {
      given(network.ranges)
        .when(add('cooks', network.block('bakers')))
        .refuses({ code: 'CidrTaken', cidr: network.block('bakers'), name: 'bakers' });
      given(network.ranges)
        .when(add('everything', network.range))
        .refuses({ code: 'CidrTaken', cidr: network.range, name: 'acme' });
      given(network.ranges)
        .when(add('mine', network.block('server')))
        .refuses({ code: 'CidrTaken', cidr: network.block('server'), name: 'innernet-server' });
    });

    it('has a name that no other has', () => {
      given(network.ranges)
        .when(add('humans', blocks.free))
        .refuses({ code: 'CidrNameTaken', name: 'humans' });
      given(network.ranges)
        .when(add('innernet-server', blocks.free))
        .refuses({ code: 'CidrNameTaken', name: 'innernet-server' });
    });

    it('hangs under none that holds peers, invited ones too', () => {
      given(network.ranges, network.ann)
        .when(add('interns', blocks.inEngineers))
        .refuses({ code: 'CidrHoldsPeers', name: 'engineers' });
      given(network.ranges, network.ann[0]!)
        .when(add('interns', blocks.inEngineers))
        .refuses({ code: 'CidrHoldsPeers', name: 'engineers' });
    });

    it('gets an id that no CIDR had before', () =>
      given(network.ranges, { type: 'CidrDeleted', cidrId: ids.machines })
        .when(add('machines', network.block('machines')))
        .emits(added('machines', network.block('machines'))));
  });

  describe('a new name', () => {
    const rename = (ref: string | number, name: string): Asked => ({ type: 'RenameCidr', cidr: ref, name });

    it('is taken, by the old name or the id', () => {
      given(network.ranges)
        .when(rename('machines', 'robots'))
        .emits({ type: 'CidrRenamed', cidrId: ids.machines, name: 'robots' });
      given(network.ranges)
        .when(rename(ids.root, 'acme-2'))
        .emits({ type: 'CidrRenamed', cidrId: ids.root, name: 'acme-2' });
    });

    it('that is the old one changes nothing', () =>
      given(network.ranges).when(rename('machines', 'machines')).emitsNothing());

    it('is no other CIDR’s', () =>
      given(network.ranges)
        .when(rename('machines', 'humans'))
        .refuses({ code: 'CidrNameTaken', name: 'humans' }));

    it('is free again once its CIDR has another', () =>
      given(network.ranges, { type: 'CidrRenamed', cidrId: ids.machines, name: 'robots' })
        .when(rename('humans', 'machines'))
        .emits({ type: 'CidrRenamed', cidrId: ids.humans, name: 'machines' }));

    it('is for a CIDR that there is', () =>
      given(network.ranges)
        .when(rename('nowhere', 'robots'))
        .refuses({ code: 'UnknownCidr', cidr: 'nowhere' }));

    it('is not for the server’s CIDR', () =>
      given(network.ranges)
        .when(rename('innernet-server', 'robots'))
        .refuses({ code: 'ServerIsFixed', what: 'CIDR' }));
  });

  describe('a CIDR goes', () => {
    const remove = (ref: string | number): Asked => ({ type: 'DeleteCidr', cidr: ref });

    it('when it is empty', () =>
      given(network.ranges).when(remove('machines')).emits({ type: 'CidrDeleted', cidrId: ids.machines }));

    it('not while it holds CIDRs', () =>
      given(network.ranges).when(remove('humans')).refuses({ code: 'CidrHasChildren', name: 'humans' }));

    it('not while it holds peers, disabled ones too', () =>
      given(network.ranges, network.oven, { type: 'PeerDisabled', peerId: ids.oven })
        .when(remove('machines'))
        .refuses({ code: 'CidrHoldsPeers', name: 'machines' }));

    it('once its last peer is deleted', () =>
      given(network.ranges, network.oven, { type: 'PeerDeleted', peerId: ids.oven })
        .when(remove(ids.machines))
        .emits({ type: 'CidrDeleted', cidrId: ids.machines }));

    it('not while it is associated', () => {
      given(network.ranges, associated(ids.engineers, ids.machines))
        .when(remove('machines'))
        .refuses({ code: 'CidrHasAssociations', name: 'machines', with: 'engineers' });
      given(network.ranges, associated(ids.engineers, ids.machines), {
        type: 'AssociationDeleted',
        associationId: associationId(1),
      })
        .when(remove('machines'))
        .emits({ type: 'CidrDeleted', cidrId: ids.machines });
    });

    it('not if it is the whole network or the server’s', () => {
      given(network.ranges).when(remove('acme')).refuses({ code: 'ServerIsFixed', what: 'network range' });
      given(network.ranges).when(remove('innernet-server')).refuses({ code: 'ServerIsFixed', what: 'CIDR' });
    });

    it('not if there is none', () =>
      given(network.ranges).when(remove(99)).refuses({ code: 'UnknownCidr', cidr: 99 }));
  });
});

it('an imported block with host bits counts as the block that it is', () =>
  given(acme.ranges, {
    type: 'CidrAdded',
    cidrId: cidrId(7),
    name: 'Büro',
    cidr: '10.42.7.9/24' as typeof acme.range,
    parentId: ids.root,
  })
    .when(add('office', '10.42.7.0/24'))
    .refuses({ code: 'CidrTaken', cidr: cidr('10.42.7.0/24'), name: 'Büro' }));
