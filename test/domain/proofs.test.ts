// Who needs a proof by key for what: required, waived for all or one, and remembered of each key.
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/domain/decision.ts';
import { differenceOf } from '../../src/domain/difference.ts';
import { lostProofs } from '../../src/domain/lost-proofs.ts';
import { Network } from '../../src/domain/network.ts';
import { unprovedRights } from '../../src/domain/proofs.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { acme, endpoint, ids, keyOf, peerId } from '../acme.ts';
import { type Asked, given, type History, networkOf } from '../given.ts';

const { network } = acme;
const required: NetworkEvent = { type: 'ProofRequired' };
const waived: NetworkEvent = { type: 'ProofWaived' };
const proved = (id: number): NetworkEvent => ({ type: 'PeerProved', peerId: peerId(id) });
const waivedFor = (id: number): NetworkEvent => ({ type: 'ProofWaived', peerId: peerId(id) });
const requiredOf = (id: number): NetworkEvent => ({ type: 'ProofRequired', peerId: peerId(id) });

const unproved = (id: number): Partial<Context> => ({ actor: { kind: 'peer', peerId: peerId(id) } });
const withProof = (id: number): Partial<Context> => ({ ...unproved(id), isProved: true });

/** What a request of a peer may do without a proof, after this history. */
const rights = (id: number, ...history: History) => {
  const now = networkOf(...history);
  return unprovedRights(now, now.peer(peerId(id)) ?? expect.fail('there is no such peer'));
};

describe('without a proof', () => {
  it('a peer may what it may in innernet 2.0, where proofs are not required', () => {
    expect(rights(ids.ann, network)).toBe('all');
    expect(rights(ids.ann, network, proved(ids.ann))).toBe('all');
    expect(rights(ids.ann, network, required, proved(ids.ann), waived)).toBe('all');
  });

  it('it may read and report where they are, until its own key has proved itself', () => {
    expect(rights(ids.ann, network, required)).toBe('reads-and-reports');
    expect(rights(ids.eve, network, required)).toBe('reads-and-reports');
    expect(rights(ids.ann, network, required, proved(ids.ann))).toBe('nothing');
    expect(rights(ids.bob, network, required, proved(ids.ann))).toBe('reads-and-reports');
  });

  it('it may all where they are waived for it, until they are required of it again', () => {
    const exempt = [network, waivedFor(ids.ann), required, proved(ids.ann)];
    expect(rights(ids.ann, ...exempt)).toBe('all');
    expect(rights(ids.bob, ...exempt)).toBe('reads-and-reports');
    expect(rights(ids.ann, ...exempt, requiredOf(ids.ann))).toBe('nothing');
  });

  it('a key that proved itself in its redemption is remembered, one that did not is not', () => {
    const redeemed = { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') } as const;
    expect(rights(ids.eve, network, required, { ...redeemed, proved: true })).toBe('nothing');
    expect(rights(ids.eve, network, required, redeemed)).toBe('reads-and-reports');
  });
});

describe('an admin whose request holds no proof', () => {
  const needed = (command: Asked['type'], name = 'ann') => ({ code: 'ProofNeeded', name, command }) as const;
  const grant: Asked = { type: 'GrantAdmin', peer: 'bob' };

  it('changes nothing where proofs are required, and all with one', () => {
    given(network, required).when(grant, unproved(ids.ann)).refuses(needed('GrantAdmin'));
    given(network, required).when(grant, withProof(ids.ann)).emits({ type: 'AdminGranted', peerId: ids.bob });
    given(network, waivedFor(ids.ann), required)
      .when(grant, unproved(ids.ann))
      .emits({ type: 'AdminGranted', peerId: ids.bob });
  });

  it('not by several commands in one either', () =>
    given(network, required)
      .when({ type: 'AllOf', commands: [grant] }, unproved(ids.ann))
      .refuses(needed('AllOf')));

  it('says where it is reached itself, but not where others are', () => {
    const set = (peer: string): Asked => ({ type: 'SetEndpointOverride', peer, endpoint: '1.2.3.4:51820' });
    given(network, required)
      .when(set('ann'), unproved(ids.ann))
      .emits({ type: 'EndpointOverrideSet', peerId: ids.ann, endpoint: endpoint('1.2.3.4:51820') });
    given(network, required).when(set('bob'), unproved(ids.ann)).refuses(needed('SetEndpointOverride'));
    given(network, required, proved(ids.ann))
      .when(set('ann'), unproved(ids.ann))
      .refuses(needed('SetEndpointOverride'));
  });

  it('neither requires proofs nor waives them, whatever the network requires', () => {
    for (const type of ['RequireProof', 'WaiveProof'] as const)
      for (const history of [[network], [network, required], [network, required, waivedFor(ids.ann)]])
        for (const asked of [{ type }, { type, peer: 'ann' }])
          given(...history)
            .when(asked, unproved(ids.ann))
            .refuses(needed(type));
  });

  it('is still told first that it is no admin', () =>
    given(network, required)
      .when(grant, unproved(ids.bob))
      .refuses({ code: 'NotAllowed', command: 'GrantAdmin' }));
});

describe('whoever is on the server needs no proof', () => {
  it.each([{ kind: 'operator', uid: 0 }, { kind: 'server' }] as const)('$kind', (actor) =>
    given(network, required, proved(ids.ann)).when({ type: 'WaiveProof' }, { actor }).emits(waived),
  );
});

describe('requiring and waiving', () => {
  it('says nothing twice', () => {
    given(network).when({ type: 'RequireProof' }, withProof(ids.ann)).emits(required);
    given(network, required).when({ type: 'RequireProof' }).emitsNothing();
    given(network).when({ type: 'WaiveProof' }).emitsNothing();
    given(network, required).when({ type: 'WaiveProof', peer: 'ann' }).emits(waivedFor(ids.ann));
    given(network, waivedFor(ids.ann)).when({ type: 'WaiveProof', peer: 'ann' }).emitsNothing();
    given(network, required).when({ type: 'RequireProof', peer: 'ann' }).emitsNothing();
  });

  it('ends a waiver whatever the network requires', () => {
    for (const history of [[network], [network, required]])
      given(...history, waivedFor(ids.ann))
        .when({ type: 'RequireProof', peer: 'ann' })
        .emits(requiredOf(ids.ann));
  });

  it('is not for one peer alone', () =>
    given(network)
      .when({ type: 'RequireProof', peer: 'ann' })
      .refuses({ code: 'ProofNotRequired', name: 'ann' }));

  it('is not for the server, nor for a peer that there is not', () => {
    for (const type of ['RequireProof', 'WaiveProof'] as const) {
      given(network).when({ type, peer: ids.server }).refuses({ code: 'ServerIsFixed', what: 'peer' });
      given(network).when({ type, peer: 'nobody' }).refuses({ code: 'UnknownPeer', peer: 'nobody' });
    }
  });

  it('leaves the waivers of single peers as they are', () => {
    const now = networkOf(network, waivedFor(ids.ann), required, waived, required);
    expect(now.peer(ids.ann)?.isProofWaived).toBe(true);
  });
});

describe('an older state that is gone back to', () => {
  const lost = (before: History, after: History) =>
    lostProofs(networkOf(...before), networkOf(...after)).map(({ sentence, verb }) => [sentence, verb]);

  it('has lost each requirement, waiver and proof that it does not hold', () => {
    expect(
      lost([network, required, waivedFor(ids.bob), proved(ids.ann), proved(ids.ryo)], [network]),
    ).toEqual([
      ['proofs by key are required no longer', 'require-proof'],
      ['bob needs proofs again', 'waive-proof --name bob'],
      ['that these keys can prove themselves is known at their next proof: ann, ryo', undefined],
    ]);
    expect(lost([network, waived], [network, required, waivedFor(ids.bob)])).toEqual([
      ['proofs by key are required again', 'waive-proof'],
      ['bob needs no proofs again', 'require-proof --name bob'],
    ]);
  });

  it('has lost nothing where it says the same, nor of another key', () => {
    const all = [network, required, waivedFor(ids.bob), proved(ids.ann)];
    expect(lost(all, all)).toEqual([]);
    const redeemed = { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') } as const;
    expect(lost([network, { ...redeemed, proved: true }], [network])).toEqual([]);
  });
});

describe('the memory of proofs', () => {
  const record = (...owners: string[]): Asked => ({ type: 'RecordProofs', publicKeys: owners.map(keyOf) });

  it('is by key: of many peers in one commit, of each once', () => {
    given(network)
      .when(record('ann', 'bob', 'ann'))
      .emits(proved(ids.ann), proved(ids.bob));
    given(network, proved(ids.ann)).when(record('ann', 'bob')).emits(proved(ids.bob));
    given(network, proved(ids.ann)).when(record('ann')).emitsNothing();
  });

  it('passes over temporary keys, and keys that nobody has any more', () => {
    given(network)
      .when(record("eve's invitation", "ann's invitation", 'nobody'))
      .emitsNothing();
    given(network, { type: 'PeerDeleted', peerId: ids.bob }).when(record('bob')).emitsNothing();
  });

  it('is written with the redemption that proves itself', () => {
    const asked: Asked = { type: 'RedeemInvitation', publicKey: keyOf('eve') };
    const redeemed = { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') } as const;
    given(network)
      .when(asked, withProof(ids.eve))
      .emits({ ...redeemed, proved: true });
    given(network).when(asked, unproved(ids.eve)).emits(redeemed);
    given(network, required).when(asked, unproved(ids.eve)).emits(redeemed);
  });

  it('survives a rename, a restored backup and a copy of the network', () => {
    const renamed: NetworkEvent = { type: 'PeerRenamed', peerId: ids.ann, name: 'anna' };
    const restored = { type: 'LogRestored', lostPosition: 99, lostHash: '0'.repeat(64) } as never;
    const now = networkOf(network, required, proved(ids.ann), waivedFor(ids.bob), renamed, restored);
    for (const copy of [now, now.clone(), now.draft(), Network.fromJSON(JSON.parse(JSON.stringify(now)))]) {
      expect(copy.isProofRequired).toBe(true);
      expect(copy.peer(ids.ann)?.hasProved).toBe(true);
      expect(copy.peer(ids.bob)?.isProofWaived).toBe(true);
    }
  });

  it('is part of what two states differ in', () => {
    const before = networkOf(network, waivedFor(ids.bob));
    const after = networkOf(network, required, proved(ids.ann)).clone();
    const { isProofRequired, peers } = differenceOf(before, after);
    expect(isProofRequired).toEqual({ before: false, after: true });
    expect(peers.changed.map((row) => row.after.name)).toEqual(['ann', 'bob']);
    expect(differenceOf(after, after.clone())).not.toHaveProperty('isProofRequired');
  });
});
