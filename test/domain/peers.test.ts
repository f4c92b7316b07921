// Peers: a name of their own, an address for ever, and what may be done to them.
import { describe, expect, it } from 'vitest';
import type { NetworkEvent } from '../../src/events/schema.ts';
import {
  type Acme,
  acme,
  acme6,
  cidr,
  cidrId,
  endpoint,
  INVITE_EXPIRES,
  ids,
  ip,
  keyOf,
  peerId,
} from '../acme.ts';
import { AFTER_NOON, type Asked, BEFORE_NOON, given, NOON, networkOf } from '../given.ts';

const LATER = INVITE_EXPIRES;

const add = (more: { [field: string]: unknown } = {}): Asked => ({
  type: 'AddPeer',
  name: 'mia',
  cidr: 'bakers',
  isAdmin: false,
  publicKey: keyOf("mia's invitation"),
  inviteExpires: null,
  ...more,
});

describe.each([acme, acme6])('IPv$family', (network: Acme) => {
  const { at, block } = network;
  const mia = (address: string, more: Partial<Extract<NetworkEvent, { type: 'PeerAdded' }>> = {}) =>
    ({
      type: 'PeerAdded',
      peerId: peerId(7),
      name: 'mia',
      ip: ip(address),
      cidrId: ids.bakers,
      publicKey: keyOf("mia's invitation"),
      isAdmin: false,
      inviteExpires: null,
      ...more,
    }) as const;
  const all = network.network;

  describe('a new peer', () => {
    it('gets the lowest free address', () =>
      given(all)
        .when(add())
        .emits(mia(at('bakers', 3))));

    it('or the one that is asked for', () =>
      given(all)
        .when(add({ ip: at('bakers', 77) }))
        .emits(mia(at('bakers', 77))));

    it('may be an admin, and its invitation may end', () =>
      given(all)
        .when(add({ cidr: ids.bakers, isAdmin: true, inviteExpires: LATER }))
        .emits(mia(at('bakers', 3), { isAdmin: true, inviteExpires: LATER })));

    it('is in a CIDR that there is', () =>
      given(all)
        .when(add({ cidr: 'nowhere' }))
        .refuses({ code: 'UnknownCidr', cidr: 'nowhere' }));

    it('is in a leaf', () => {
      given(all)
        .when(add({ cidr: 'humans' }))
        .refuses({ code: 'CidrHasChildren', name: 'humans' });
      given(all)
        .when(add({ cidr: 'acme' }))
        .refuses({ code: 'CidrHasChildren', name: 'acme' });
    });

    it('is not where the server is', () =>
      given(all)
        .when(add({ cidr: 'innernet-server' }))
        .refuses({ code: 'ServerIsFixed', what: 'CIDR' }));

    it('has a name that no other has, invited and disabled ones too', () => {
      given(all)
        .when(add({ name: 'ann' }))
        .refuses({ code: 'PeerNameTaken', name: 'ann', ip: at('engineers', 1) });
      given(all)
        .when(add({ name: 'eve' }))
        .refuses({ code: 'PeerNameTaken', name: 'eve', ip: at('bakers', 2) });
      given(all, { type: 'PeerDisabled', peerId: ids.ryo })
        .when(add({ name: 'ryo' }))
        .refuses({ code: 'PeerNameTaken', name: 'ryo', ip: at('engineers', 2) });
      given(all)
        .when(add({ name: 'innernet-server' }))
        .refuses({ code: 'PeerNameTaken', name: 'innernet-server', ip: at('server', 1) });
    });

    it('has an address inside its CIDR', () =>
      given(all)
        .when(add({ ip: at('engineers', 7) }))
        .refuses({ code: 'IpOutsideCidr', ip: at('engineers', 7), name: 'bakers', cidr: block('bakers') }));

    it('has no network address', () =>
      given(all)
        .when(add({ ip: at('bakers', 0) }))
        .refuses({ code: 'IpNotAssignable', ip: at('bakers', 0), cidr: block('bakers') }));

    it('has an address that no other has', () => {
      given(all)
        .when(add({ ip: at('bakers', 1) }))
        .refuses({ code: 'IpTaken', ip: at('bakers', 1), by: 'bob' });
      given(all)
        .when(add({ ip: at('bakers', 2) }))
        .refuses({ code: 'IpTaken', ip: at('bakers', 2), by: 'eve' });
    });

    it('never has an address that a deleted peer had', () => {
      const without = [...all, { type: 'PeerDeleted', peerId: ids.bob }] as const;
      given(without)
        .when(add({ ip: at('bakers', 1) }))
        .refuses({ code: 'IpRetired', ip: at('bakers', 1) });
      given(without)
        .when(add())
        .emits(mia(at('bakers', 3)));
      given(without)
        .when(add({ name: 'bob' }))
        .emits(mia(at('bakers', 3), { name: 'bob' }));
    });

    it('has a key that no peer has or had', () => {
      given(all)
        .when(add({ publicKey: keyOf('ann') }))
        .refuses({ code: 'KeyTaken', key: keyOf('ann') });
      given(all)
        .when(add({ publicKey: keyOf('server') }))
        .refuses({ code: 'KeyTaken', key: keyOf('server') });
      given(all)
        .when(add({ publicKey: keyOf("eve's invitation") }))
        .refuses({ code: 'KeyTaken', key: keyOf("eve's invitation") });
      given(all)
        .when(add({ publicKey: keyOf("ann's invitation") }))
        .refuses({ code: 'KeyRetired', key: keyOf("ann's invitation") });
      given(all, { type: 'PeerDeleted', peerId: ids.bob })
        .when(add({ publicKey: keyOf('bob') }))
        .refuses({ code: 'KeyRetired', key: keyOf('bob') });
      given(all, { type: 'InvitationRevoked', peerId: ids.eve })
        .when(add({ publicKey: keyOf("eve's invitation") }))
        .refuses({ code: 'KeyRetired', key: keyOf("eve's invitation") });
    });

    it('is not invited until the past, nor until now', () => {
      given(all)
        .when(add({ inviteExpires: BEFORE_NOON }))
        .refuses({ code: 'ExpiryInPast', inviteExpires: BEFORE_NOON });
      given(all)
        .when(add({ inviteExpires: NOON }))
        .refuses({ code: 'ExpiryInPast', inviteExpires: NOON });
      given(all)
        .when(add({ inviteExpires: AFTER_NOON }))
        .emits(mia(at('bakers', 3), { inviteExpires: AFTER_NOON }));
    });

    it('may come without an invitation, with its own key, disabled, with an endpoint', () => {
      const here = endpoint('1.2.3.4:51820');
      given(all)
        .when(add({ redeemed: true, disabled: true, endpoint: here }))
        .emits(mia(at('bakers', 3), { redeemed: true, disabled: true, endpoint: here }));
      given(all)
        .when(add({ redeemed: false, disabled: false }))
        .emits(mia(at('bakers', 3)));
      given(all)
        .when(add({ redeemed: true, inviteExpires: BEFORE_NOON }))
        .emits(mia(at('bakers', 3), { redeemed: true, inviteExpires: BEFORE_NOON }));
    });

    it('gets an id that no peer had before', () =>
      given(all, { type: 'InvitationRevoked', peerId: ids.eve })
        .when(add())
        .emits(mia(at('bakers', 2))));
  });

  describe('an invitation that is over', () => {
    const over = { now: LATER };
    const expired = { type: 'InvitationExpired', peerId: ids.eve } as const;

    it('gives its name back in the commit that needs it', () =>
      given(all)
        .when(add({ name: 'eve' }), over)
        .emits(expired, mia(at('bakers', 3), { name: 'eve' })));

    it('gives its address back in the commit that needs it', () =>
      given(all)
        .when(add({ ip: at('bakers', 2) }), over)
        .emits(expired, mia(at('bakers', 2))));

    it('gives both back at once', () =>
      given(all)
        .when(add({ name: 'eve', ip: at('bakers', 2) }), over)
        .emits(expired, mia(at('bakers', 2), { name: 'eve' })));

    it('is left alone by a commit that needs neither', () =>
      given(all)
        .when(add(), over)
        .emits(mia(at('bakers', 3))));

    it('gives its name back to a peer that is renamed', () =>
      given(all)
        .when({ type: 'RenamePeer', peer: 'bob', name: 'eve' }, over)
        .emits(expired, { type: 'PeerRenamed', peerId: ids.bob, name: 'eve' }));

    it('never gives its key back', () =>
      given(all)
        .when(add({ publicKey: keyOf("eve's invitation") }), over)
        .refuses({ code: 'KeyTaken', key: keyOf("eve's invitation") }));

    it('is not over a millisecond before', () =>
      given(all)
        .when(add({ name: 'eve' }), { now: '2026-11-22T12:59:59.999Z' as typeof NOON })
        .refuses({ code: 'PeerNameTaken', name: 'eve', ip: at('bakers', 2) }));
  });

  describe.each([
    ['RenamePeer', { name: 'mia' }],
    ['DisablePeer', {}],
    ['EnablePeer', {}],
    ['DeletePeer', {}],
    ['GrantAdmin', {}],
    ['RevokeAdmin', {}],
    ['SetEndpointOverride', { endpoint: '1.2.3.4:51820' }],
    ['ClearEndpointOverride', {}],
  ] as const)('%s', (type, more) => {
    it('is for a peer that there is', () => {
      given(all)
        .when({ type, peer: 'nobody', ...more } as Asked)
        .refuses({ code: 'UnknownPeer', peer: 'nobody' });
      given(all)
        .when({ type, peer: 99, ...more } as Asked)
        .refuses({ code: 'UnknownPeer', peer: 99 });
    });

    it('is not for the server', () =>
      given(all)
        .when({ type, peer: 'innernet-server', ...more } as Asked)
        .refuses({ code: 'ServerIsFixed', what: 'peer' }));
  });

  describe('a new name', () => {
    const rename = (peer: string | number, name: string): Asked => ({ type: 'RenamePeer', peer, name });

    it('is taken, by the old name or the id', () => {
      given(all).when(rename('bob', 'mia')).emits({ type: 'PeerRenamed', peerId: ids.bob, name: 'mia' });
      given(all).when(rename(ids.eve, 'mia')).emits({ type: 'PeerRenamed', peerId: ids.eve, name: 'mia' });
    });

    it('that is the old one changes nothing', () => given(all).when(rename('bob', 'bob')).emitsNothing());

    it('is no other peer’s', () =>
      given(all)
        .when(rename('bob', 'ann'))
        .refuses({ code: 'PeerNameTaken', name: 'ann', ip: at('engineers', 1) }));

    it('is free again once its peer has another', () =>
      given(all, { type: 'PeerRenamed', peerId: ids.bob, name: 'mia' })
        .when(rename('ryo', 'bob'))
        .emits({ type: 'PeerRenamed', peerId: ids.ryo, name: 'bob' }));
  });

  describe('disabled and enabled', () => {
    const disable = (peer: string): Asked => ({ type: 'DisablePeer', peer });
    const enable = (peer: string): Asked => ({ type: 'EnablePeer', peer });
    const disabled = { type: 'PeerDisabled', peerId: ids.bob } as const;

    it('is said once', () => {
      given(all).when(disable('bob')).emits(disabled);
      given(all, disabled).when(disable('bob')).emitsNothing();
      given(all, disabled).when(enable('bob')).emits({ type: 'PeerEnabled', peerId: ids.bob });
      given(all).when(enable('bob')).emitsNothing();
    });

    it('is also for who has not joined yet', () =>
      given(all).when(disable('eve')).emits({ type: 'PeerDisabled', peerId: ids.eve }));

    it('enabled is said anew after a backup was restored', () =>
      given(all, { type: 'LogRestored', lostPosition: 40, lostHash: '0'.repeat(64) as never })
        .when(enable('bob'))
        .emits({ type: 'PeerEnabled', peerId: ids.bob }));
  });

  describe('an admin', () => {
    const granted = { type: 'AdminGranted', peerId: ids.bob } as const;

    it('is made and unmade once', () => {
      given(all).when({ type: 'GrantAdmin', peer: 'bob' }).emits(granted);
      given(all).when({ type: 'GrantAdmin', peer: 'ann' }).emitsNothing();
      given(all, granted)
        .when({ type: 'RevokeAdmin', peer: 'ann' })
        .emits({ type: 'AdminRevoked', peerId: ids.ann });
      given(all).when({ type: 'RevokeAdmin', peer: 'bob' }).emitsNothing();
    });

    describe.each([
      ['RevokeAdmin', 'AdminRevoked'],
      ['DisablePeer', 'PeerDisabled'],
      ['DeletePeer', 'PeerDeleted'],
    ] as const)('that is the last: %s', (type, event) => {
      const last = { code: 'LastAdmin', name: 'ann' } as const;

      it('is refused by accident and done when confirmed', () => {
        given(all)
          .when({ type, peer: 'ann' } as Asked)
          .refuses(last);
        given(all)
          .when({ type, peer: 'ann', confirmed: false } as Asked)
          .refuses(last);
        given(all)
          .when({ type, peer: 'ann', confirmed: true } as Asked)
          .emits({ type: event, peerId: ids.ann });
      });

      it('is done when there is another', () =>
        given(all, granted)
          .when({ type, peer: 'ann' } as Asked)
          .emits({ type: event, peerId: ids.ann }));

      it('does not count another who is disabled, has not joined, or is no admin any more', () => {
        given(all, granted, { type: 'PeerDisabled', peerId: ids.bob })
          .when({ type, peer: 'ann' } as Asked)
          .refuses(last);
        given(all, { type: 'AdminGranted', peerId: ids.eve })
          .when({ type, peer: 'ann' } as Asked)
          .refuses(last);
        given(all, granted, { type: 'AdminRevoked', peerId: ids.bob })
          .when({ type, peer: 'ann' } as Asked)
          .refuses(last);
      });
    });

    it('that never joined is not the last', () =>
      given(all, { type: 'AdminGranted', peerId: ids.eve })
        .when({ type: 'RevokeAdmin', peer: 'eve' })
        .emits({ type: 'AdminRevoked', peerId: ids.eve }));

    it('that is disabled is not the last', () =>
      given(all, { type: 'PeerDisabled', peerId: ids.ann })
        .when({ type: 'DeletePeer', peer: 'ann' })
        .emits({ type: 'PeerDeleted', peerId: ids.ann }));
  });

  it('a deleted peer is gone', () => {
    given(all).when({ type: 'DeletePeer', peer: 'bob' }).emits({ type: 'PeerDeleted', peerId: ids.bob });
    given(all, { type: 'PeerDeleted', peerId: ids.bob })
      .when({ type: 'DeletePeer', peer: 'bob' })
      .refuses({ code: 'UnknownPeer', peer: 'bob' });
  });

  describe('an endpoint', () => {
    const here = endpoint('192.168.1.9:51820');
    const set = { type: 'EndpointOverrideSet', peerId: ids.bob, endpoint: here } as const;

    it('is insisted on and let go', () => {
      given(all).when({ type: 'SetEndpointOverride', peer: 'bob', endpoint: here }).emits(set);
      given(all, set).when({ type: 'SetEndpointOverride', peer: 'bob', endpoint: here }).emitsNothing();
      given(all, set)
        .when({ type: 'ClearEndpointOverride', peer: 'bob' })
        .emits({ type: 'EndpointOverrideCleared', peerId: ids.bob });
      given(all).when({ type: 'ClearEndpointOverride', peer: 'bob' }).emitsNothing();
    });

    it('may say "as you see me, with this port"', () =>
      given(all)
        .when({ type: 'SetEndpointOverride', peer: 'bob', endpoint: '0.0.0.0:4242' })
        .emits({ ...set, endpoint: endpoint('0.0.0.0:4242') }));

    it('of the server changes where it is reached', () => {
      const change = (to: string): Asked => ({ type: 'ChangeServerEndpoint', endpoint: to });
      given(all)
        .when(change('new.example.org:51820'))
        .emits({ type: 'ServerEndpointChanged', endpoint: endpoint('new.example.org:51820') });
      given(all).when(change('vpn.example.org:51820')).emitsNothing();
      given(all)
        .when(change('0.0.0.0:51820'))
        .refuses({ code: 'EndpointUnspecified', endpoint: endpoint('0.0.0.0:51820') });
    });
  });
});

describe('the broadcast address', () => {
  it('is nobody’s in IPv4', () =>
    given(acme.network)
      .when(add({ ip: '10.42.129.255' }))
      .refuses({ code: 'IpNotAssignable', ip: ip('10.42.129.255'), cidr: acme.block('bakers') }));

  it('is an address like others in IPv6', () =>
    given(acme6.network)
      .when(add({ ip: 'fdac:42:0:8001:ffff:ffff:ffff:ffff' }))
      .emits({
        type: 'PeerAdded',
        peerId: peerId(7),
        name: 'mia',
        ip: ip('fdac:42:0:8001:ffff:ffff:ffff:ffff'),
        cidrId: ids.bakers,
        publicKey: keyOf("mia's invitation"),
        isAdmin: false,
        inviteExpires: null,
      }));
});

describe('a small CIDR', () => {
  /** The addresses that one peer after another gets in a block, until it is full. */
  const filled = (network: Acme, block: string): string[] => {
    const events: NetworkEvent[] = [
      ...network.created,
      { type: 'CidrAdded', cidrId: cidrId(3), name: 'small', cidr: cidr(block), parentId: ids.root },
    ];
    const addresses: string[] = [];
    for (;;) {
      const state = networkOf(events);
      const free = state.freeIpIn(state.cidr(cidrId(3))!);
      const id = state.nextIds.peer;
      const asked = add({ name: `peer-${id}`, cidr: 'small', publicKey: keyOf(`peer ${id}`) });
      if (!free) {
        given(events)
          .when(asked)
          .refuses({ code: 'CidrFull', name: 'small', cidr: cidr(block) });
        return addresses;
      }
      const added: NetworkEvent = {
        type: 'PeerAdded',
        peerId: id,
        name: `peer-${id}`,
        ip: free,
        cidrId: cidrId(3),
        publicKey: keyOf(`peer ${id}`),
        isAdmin: false,
        inviteExpires: null,
      };
      given(events).when(asked).emits(added);
      events.push(added);
      addresses.push(free);
    }
  };

  it.each([
    [
      acme,
      '10.42.7.8/29',
      ['10.42.7.9', '10.42.7.10', '10.42.7.11', '10.42.7.12', '10.42.7.13', '10.42.7.14'],
    ],
    [acme, '10.42.7.4/30', ['10.42.7.5', '10.42.7.6']],
    [acme, '10.42.7.4/31', ['10.42.7.4', '10.42.7.5']],
    [acme, '10.42.7.4/32', ['10.42.7.4']],
    [acme6, 'fdac:42::70/126', ['fdac:42::71', 'fdac:42::72', 'fdac:42::73']],
    [acme6, 'fdac:42::70/127', ['fdac:42::70', 'fdac:42::71']],
    [acme6, 'fdac:42::70/128', ['fdac:42::70']],
  ])('IPv$family holds %s: %j', (network, block, addresses) =>
    expect(filled(network, block)).toEqual(addresses),
  );

  it.each([
    [acme, '10.42.255.254/31', '10.42.255.254', '10.42.255.255'],
    [acme, '10.42.0.0/32', undefined, '10.42.0.0'],
    [acme6, 'fdac:42::/128', undefined, 'fdac:42::'],
  ])('never gives an address that nobody in the network can have (%#)', (network, block, lowest, never) => {
    expect(filled(network, block)).toEqual(lowest === undefined ? [] : [lowest]);
    const events: NetworkEvent[] = [
      ...network.created,
      { type: 'CidrAdded', cidrId: cidrId(3), name: 'small', cidr: cidr(block), parentId: ids.root },
    ];
    given(events)
      .when(add({ cidr: 'small', ip: never }))
      .refuses({ code: 'IpNotAssignable', ip: ip(never), cidr: network.range });
  });
});

describe('the lowest free address', () => {
  const home: NetworkEvent = {
    type: 'CidrAdded',
    cidrId: cidrId(3),
    name: 'small',
    cidr: cidr('10.42.7.4/30'),
    parentId: ids.root,
  };
  const invited = (id: number, address: string): NetworkEvent => ({
    type: 'PeerAdded',
    peerId: peerId(id),
    name: `peer-${id}`,
    ip: ip(address),
    cidrId: cidrId(3),
    publicKey: keyOf(`peer ${id}`),
    isAdmin: false,
    inviteExpires: LATER,
  });
  const full = [...acme.created, home, invited(2, '10.42.7.5'), invited(3, '10.42.7.6')];
  const joins = { ...invited(4, '10.42.7.5'), inviteExpires: null };
  const ask = add({ name: 'peer-4', cidr: 'small', publicKey: keyOf('peer 4') });

  it('is that of the first invitation that is over, where all are taken', () => {
    given(full)
      .when(ask)
      .refuses({ code: 'CidrFull', name: 'small', cidr: cidr('10.42.7.4/30') });
    given(full)
      .when(ask, { now: LATER })
      .emits({ type: 'InvitationExpired', peerId: peerId(2) }, joins);
  });

  it('is free again after an invitation was revoked or is over', () => {
    for (const type of ['InvitationRevoked', 'InvitationExpired'] as const)
      given(full, { type, peerId: peerId(2) })
        .when(ask)
        .emits(joins);
  });

  it('is found again by a network that had found none', () => {
    const network = networkOf(full);
    const small = network.cidr(cidrId(3))!;
    expect(network.freeIpIn(small)).toBeUndefined();
    network.evolve({ type: 'InvitationRevoked', peerId: peerId(3) });
    expect(network.freeIpIn(small)).toBe('10.42.7.6');
    network.evolve({ type: 'InvitationRevoked', peerId: peerId(2) });
    expect(network.freeIpIn(small)).toBe('10.42.7.5');
  });

  it('is found again where an imported peer was listed in a CIDR above', () => {
    const network = networkOf([
      ...acme.created,
      home,
      { ...invited(2, '10.42.7.5'), cidrId: ids.root } as NetworkEvent,
    ]);
    const small = network.cidr(cidrId(3))!;
    expect(network.freeIpIn(small)).toBe('10.42.7.6');
    network.evolve({ type: 'InvitationExpired', peerId: peerId(2) });
    expect(network.freeIpIn(small)).toBe('10.42.7.5');
  });

  it('is never a retired one', () =>
    given(full, { type: 'PeerDeleted', peerId: peerId(2) })
      .when(ask)
      .refuses({ code: 'CidrFull', name: 'small', cidr: cidr('10.42.7.4/30') }));
});
