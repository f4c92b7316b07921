// Invitations: redeemed once, by the invited peer, before they end; reissued, revoked, and swept when they are over.

import { describe, it } from 'vitest';
import type { Context } from '../../src/domain/decision.ts';
import { SigningSecret } from '../../src/machine/signing.ts';
import { acme, acme6, INVITE_EXPIRES, ids, keyOf, peerId } from '../acme.ts';
import { AFTER_NOON, type Asked, BEFORE_NOON, given, type NOON } from '../given.ts';

const as = (id: number): Pick<Context, 'actor'> => ({ actor: { kind: 'peer', peerId: peerId(id) } });
const eve = as(ids.eve);
const redeem = (owner = 'eve'): Asked => ({ type: 'RedeemInvitation', publicKey: keyOf(owner) });

describe.each([acme, acme6])('IPv$family', ({ network, at }) => {
  const redeemed = { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') } as const;

  describe('redeemed', () => {
    it('by the invited peer, with a key of its own', () =>
      given(network).when(redeem(), eve).emits(redeemed));

    it('with the key by which its machine signs, if that is handed in', () => {
      const { publicKey: signingKey } = new SigningSecret(new Uint8Array(32).fill(7));
      given(network)
        .when({ ...redeem(), signingKey } as Asked, eve)
        .emits({ ...redeemed, signingKey });
    });

    it('once more with the same key, because the first answer may have been lost', () =>
      given(network, redeemed).when(redeem(), eve).emitsNothing());

    it('also long after the invitation ended, if it is the same key', () =>
      given(network, redeemed)
        .when(redeem(), { ...eve, now: '2027-01-01T00:00:00.000Z' as typeof NOON })
        .emitsNothing());

    it('never with a second key', () =>
      given(network, redeemed)
        .when(redeem("another machine's"), eve)
        .refuses({ code: 'AlreadyRedeemed', name: 'eve' }));

    it('until the moment it ends', () => {
      given(network)
        .when(redeem(), { ...eve, now: '2026-11-22T12:59:59.999Z' as typeof NOON })
        .emits(redeemed);
      given(network)
        .when(redeem(), { ...eve, now: INVITE_EXPIRES })
        .refuses({ code: 'InvitationEnded', name: 'eve', ended: INVITE_EXPIRES });
    });

    it('at any time if it never ends', () =>
      given(acme.ranges, acme.ann[0]!)
        .when(
          { type: 'RedeemInvitation', publicKey: keyOf('ann') },
          { ...as(ids.ann), now: '9999-12-31T23:59:59.999Z' as typeof NOON },
        )
        .emits({ type: 'InvitationRedeemed', peerId: ids.ann, publicKey: keyOf('ann') }));

    it('not by a disabled peer, even with its own key', () => {
      const disabled = { type: 'PeerDisabled', peerId: ids.eve } as const;
      const refusal = { code: 'PeerIsDisabled', name: 'eve' } as const;
      given(network, disabled).when(redeem(), eve).refuses(refusal);
      given(network, redeemed, disabled).when(redeem(), eve).refuses(refusal);
    });

    it('not with a key that a peer has or had, the temporary one included', () => {
      given(network)
        .when(redeem('ann'), eve)
        .refuses({ code: 'KeyTaken', key: keyOf('ann') });
      given(network)
        .when(redeem("eve's invitation"), eve)
        .refuses({ code: 'KeyTaken', key: keyOf("eve's invitation") });
      given(network)
        .when(redeem("ann's invitation"), eve)
        .refuses({ code: 'KeyRetired', key: keyOf("ann's invitation") });
      given(network, { type: 'PeerDeleted', peerId: ids.bob })
        .when(redeem('bob'), eve)
        .refuses({ code: 'KeyRetired', key: keyOf('bob') });
    });

    it('by nobody but a peer that there is', () => {
      const refusal = { code: 'NotAllowed', command: 'RedeemInvitation' } as const;
      given(network).when(redeem(), as(99)).refuses(refusal);
      given(network).when(redeem()).refuses(refusal);
      given(network, { type: 'InvitationRevoked', peerId: ids.eve }).when(redeem(), eve).refuses(refusal);
    });
  });

  describe('reissued', () => {
    const reissue = (peer: string, more: { [field: string]: unknown } = {}): Asked => ({
      type: 'ReissueInvitation',
      peer,
      publicKey: keyOf("eve's second invitation"),
      inviteExpires: null,
      ...more,
    });
    const reissued = {
      type: 'InvitationReissued',
      peerId: ids.eve,
      publicKey: keyOf("eve's second invitation"),
      inviteExpires: null,
    } as const;

    it('with a new temporary key and a new end', () => {
      given(network).when(reissue('eve')).emits(reissued);
      given(network)
        .when(reissue('eve', { inviteExpires: AFTER_NOON }))
        .emits({ ...reissued, inviteExpires: AFTER_NOON });
    });

    it('also when it is over but its name and address are not gone yet', () =>
      given(network).when(reissue('eve'), { now: INVITE_EXPIRES }).emits(reissued));

    it('not with its old key', () => {
      given(network)
        .when(reissue('eve', { publicKey: keyOf("eve's invitation") }))
        .refuses({ code: 'KeyTaken', key: keyOf("eve's invitation") });
      given(network, reissued)
        .when(reissue('eve', { publicKey: keyOf("eve's invitation") }))
        .refuses({ code: 'KeyRetired', key: keyOf("eve's invitation") });
    });

    it('not until the past', () =>
      given(network)
        .when(reissue('eve', { inviteExpires: BEFORE_NOON }))
        .refuses({ code: 'ExpiryInPast', inviteExpires: BEFORE_NOON }));
  });

  describe.each([
    ['ReissueInvitation', { publicKey: keyOf('a new invitation'), inviteExpires: null }],
    ['RevokeInvitation', {}],
  ] as const)('%s', (type, more) => {
    const asked = (peer: string): Asked => ({ type, peer, ...more }) as Asked;
    it('is for a peer that there is', () =>
      given(network).when(asked('nobody')).refuses({ code: 'UnknownPeer', peer: 'nobody' }));
    it('is for one that has not joined', () =>
      given(network).when(asked('ann')).refuses({ code: 'AlreadyRedeemed', name: 'ann' }));
    it('is not for the server', () =>
      given(network).when(asked('innernet-server')).refuses({ code: 'ServerIsFixed', what: 'peer' }));
  });

  describe('revoked', () => {
    const revoked = { type: 'InvitationRevoked', peerId: ids.eve } as const;

    it('it is gone', () => {
      given(network).when({ type: 'RevokeInvitation', peer: 'eve' }).emits(revoked);
      given(network, revoked)
        .when({ type: 'RevokeInvitation', peer: 'eve' })
        .refuses({ code: 'UnknownPeer', peer: 'eve' });
    });

    it('its name and address are free', () =>
      given(network, revoked)
        .when({
          type: 'AddPeer',
          name: 'eve',
          cidr: 'bakers',
          ip: at('bakers', 2),
          isAdmin: false,
          publicKey: keyOf('a new invitation'),
          inviteExpires: null,
        })
        .emits({
          type: 'PeerAdded',
          peerId: peerId(7),
          name: 'eve',
          ip: at('bakers', 2),
          cidrId: ids.bakers,
          publicKey: keyOf('a new invitation'),
          isAdmin: false,
          inviteExpires: null,
        }));
  });

  describe('swept', () => {
    const sweep: Asked = { type: 'ExpireInvitations' };
    const timer = { actor: { kind: 'server' } } as const;

    it('when it is over', () => {
      given(network)
        .when(sweep, { ...timer, now: INVITE_EXPIRES })
        .emits({ type: 'InvitationExpired', peerId: ids.eve });
      given(network).when(sweep, timer).emitsNothing();
    });

    it('in the order of ids, whatever happened to one in between', () =>
      given(
        network,
        { ...acme.eve, peerId: peerId(7), name: 'mia', ip: at('bakers', 3), publicKey: keyOf('new') },
        { type: 'PeerRenamed', peerId: ids.eve, name: 'eva' },
      )
        .when(sweep, { ...timer, now: INVITE_EXPIRES })
        .emits(
          { type: 'InvitationExpired', peerId: ids.eve },
          { type: 'InvitationExpired', peerId: peerId(7) },
        ));

    it('never when it was redeemed, or has no end', () => {
      given(network, redeemed)
        .when(sweep, { ...timer, now: INVITE_EXPIRES })
        .emitsNothing();
      given(acme.ranges, acme.ann[0]!)
        .when(sweep, { ...timer, now: INVITE_EXPIRES })
        .emitsNothing();
    });
  });
});
