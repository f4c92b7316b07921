// Standbys: who can be one, how many, and what taking over does.
import { describe, expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import { MAX_STANDBYS } from '../../src/domain/standbys.ts';
import { acme, ids, keyOf } from '../acme.ts';
import { given, type History, networkOf } from '../given.ts';

const { network } = acme;
const bobNamed = { type: 'StandbyNamed', peerId: ids.bob } as const;
const annNamed = { type: 'StandbyNamed', peerId: ids.ann } as const;

describe('a standby', () => {
  it('is named once', () =>
    given(network, bobNamed).when({ type: 'NameStandby', peer: 'bob' }).emitsNothing());

  it(`is one of at most ${MAX_STANDBYS}, of which a deleted one is none`, () => {
    const four = [ids.ann, ids.ryo, ids.oven, ids.eve].map(
      (peerId) => ({ type: 'StandbyNamed', peerId }) as const,
    );
    given(network, four)
      .when({ type: 'NameStandby', peer: 'bob' })
      .refuses({ code: 'TooManyStandbys', names: ['ann', 'ryo', 'oven', 'eve'] });
    given(network, four, { type: 'PeerDeleted', peerId: ids.oven })
      .when({ type: 'NameStandby', peer: 'bob' })
      .emits(bobNamed);
  });

  it('ends with its peer, and stays named while that is disabled', () => {
    const disabled = { type: 'PeerDisabled', peerId: ids.bob } as const;
    const standbys = (...events: History) => [...networkOf(network, ...events).standbys];
    expect(standbys(bobNamed, annNamed)).toEqual([ids.bob, ids.ann]);
    expect(standbys(bobNamed, disabled)).toEqual([ids.bob]);
    expect(standbys(bobNamed, { type: 'PeerDeleted', peerId: ids.bob })).toEqual([]);
    expect(standbys(bobNamed, { type: 'StandbyDismissed', peerId: ids.bob })).toEqual([]);
  });

  it('that is disabled can be dismissed, and cannot take over', () => {
    const there = given(network, bobNamed, { type: 'PeerDisabled', peerId: ids.bob });
    there.when({ type: 'DismissStandby', peer: 'bob' }).emits({ type: 'StandbyDismissed', peerId: ids.bob });
    there.when({ type: 'PromoteStandby', peer: 'bob' }).refuses({ code: 'StandbyIsDisabled', name: 'bob' });
  });

  it('is unknown where the peer is', () => {
    for (const type of ['NameStandby', 'DismissStandby', 'PromoteStandby'] as const)
      given(network).when({ type, peer: 'nobody' }).refuses({ code: 'UnknownPeer', peer: 'nobody' });
    for (const type of ['DismissStandby', 'PromoteStandby'] as const)
      given(network).when({ type, peer: 'bob' }).refuses({ code: 'NotAStandby', name: 'bob' });
  });
});

describe('a take-over', () => {
  const first = { type: 'ServerPromoted', peerId: ids.bob, epoch: 1 } as const;

  it('counts', () => {
    given(network, bobNamed).when({ type: 'PromoteStandby', peer: 'bob' }).emits(first);
    given(network, bobNamed, annNamed, first)
      .when({ type: 'PromoteStandby', peer: 'ann' })
      .emits({ type: 'ServerPromoted', peerId: ids.ann, epoch: 2 });
  });

  it('leaves the standby named, and says whose machine serves', () => {
    expect([networkOf(network).epoch, networkOf(network).promotion]).toEqual([0, null]);
    const after = networkOf(network, bobNamed, first);
    expect([after.epoch, after.promotion?.peerId, after.standbys.has(ids.bob)]).toEqual([1, ids.bob, true]);
  });
});

describe('the question key', () => {
  const question = { type: 'QuestionKeySet', publicKey: keyOf('question') } as const;

  it('is replaced by another, and set once', () => {
    const there = given(network, question);
    there.when({ type: 'SetQuestionKey', publicKey: keyOf('question') }).emitsNothing();
    there
      .when({ type: 'SetQuestionKey', publicKey: keyOf('another') })
      .emits({ type: 'QuestionKeySet', publicKey: keyOf('another') });
  });

  it('is no key of a peer, before or later', () => {
    given(network)
      .when({ type: 'SetQuestionKey', publicKey: keyOf('ann') })
      .refuses({ code: 'KeyTaken', key: keyOf('ann') });
    given(network, question)
      .when(
        { type: 'RedeemInvitation', publicKey: keyOf('question') },
        { actor: { kind: 'peer', peerId: ids.eve } },
      )
      .refuses({ code: 'KeyTaken', key: keyOf('question') });
  });
});

it('all of it comes back from a stored state, and is seen through a draft', () => {
  const there = networkOf(
    network,
    bobNamed,
    { type: 'QuestionKeySet', publicKey: keyOf('question') },
    { type: 'ServerPromoted', peerId: ids.bob, epoch: 3 },
  );
  for (const same of [Network.fromJSON(JSON.parse(JSON.stringify(there))), there.draft()]) {
    expect([...same.standbys]).toEqual([ids.bob]);
    expect([same.questionKey, same.epoch]).toEqual([keyOf('question'), 3]);
  }
});
