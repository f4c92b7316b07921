// Associations: two different CIDRs below the root, a pair once, in either order.
import { describe, it } from 'vitest';
import { acme, acme6, associated, associationId, ids } from '../acme.ts';
import { type Asked, given } from '../given.ts';

const add = (left: string | number, right: string | number): Asked => ({
  type: 'AddAssociation',
  cidrs: [left, right],
});
const remove = (left: string | number, right: string | number): Asked => ({
  type: 'DeleteAssociation',
  cidrs: [left, right],
});

describe.each([acme, acme6])('IPv$family', ({ ranges }) => {
  const linked = (id: number) => associated(ids.bakers, ids.machines, id);
  const unlinked = (id: number) =>
    ({ type: 'AssociationDeleted', associationId: associationId(id) }) as const;

  it('joins two CIDRs, by name or id', () => {
    given(ranges).when(add('bakers', 'machines')).emits(linked(1));
    given(ranges).when(add(ids.bakers, ids.machines)).emits(linked(1));
  });

  it('may join a CIDR with one above it, or with the server’s', () => {
    given(ranges).when(add('humans', 'bakers')).emits(associated(ids.humans, ids.bakers));
    given(ranges).when(add('innernet-server', 'bakers')).emits(associated(ids.serverCidr, ids.bakers));
  });

  it('joins a pair once, in either order', () => {
    given(ranges, linked(1))
      .when(add('bakers', 'machines'))
      .refuses({ code: 'AssociationExists', names: ['bakers', 'machines'] });
    given(ranges, linked(1))
      .when(add('machines', 'bakers'))
      .refuses({ code: 'AssociationExists', names: ['machines', 'bakers'] });
  });

  it('joins no CIDR with itself', () =>
    given(ranges).when(add('bakers', ids.bakers)).refuses({ code: 'SameCidr', name: 'bakers' }));

  it('never joins the root', () => {
    given(ranges).when(add('acme', 'bakers')).refuses({ code: 'RootNotAssociable', name: 'acme' });
    given(ranges).when(add('bakers', 'acme')).refuses({ code: 'RootNotAssociable', name: 'acme' });
  });

  it('joins CIDRs that there are', () => {
    given(ranges).when(add('nowhere', 'bakers')).refuses({ code: 'UnknownCidr', cidr: 'nowhere' });
    given(ranges).when(add('bakers', 99)).refuses({ code: 'UnknownCidr', cidr: 99 });
  });

  it('goes, named in either order', () => {
    given(ranges, linked(1)).when(remove('bakers', 'machines')).emits(unlinked(1));
    given(ranges, linked(1)).when(remove('machines', 'bakers')).emits(unlinked(1));
  });

  it('comes back under a new id', () =>
    given(ranges, linked(1), unlinked(1)).when(add('bakers', 'machines')).emits(linked(2)));

  it('goes only where it is', () => {
    given(ranges)
      .when(remove('bakers', 'machines'))
      .refuses({ code: 'UnknownAssociation', names: ['bakers', 'machines'] });
    given(ranges, linked(1), unlinked(1))
      .when(remove('bakers', 'machines'))
      .refuses({ code: 'UnknownAssociation', names: ['bakers', 'machines'] });
    given(ranges).when(remove('nowhere', 'bakers')).refuses({ code: 'UnknownCidr', cidr: 'nowhere' });
    given(ranges).when(remove('bakers', 'nowhere')).refuses({ code: 'UnknownCidr', cidr: 'nowhere' });
  });
});
