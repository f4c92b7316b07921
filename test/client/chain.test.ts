// Which frames a client takes, skips, asks again for, and raises an alarm about.
import { describe, expect, it } from 'vitest';
import { compare, extend, judge } from '../../src/client/memory/chain.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { History } from './sight.ts';

const history = new History(20);
const at10 = history.head(10);

describe('a frame is judged by where it leads', () => {
  it('takes the next one', () =>
    expect(judge(at10, history.link(10, 12), sha256)).toEqual({ kind: 'take', head: history.head(12) }));

  it('takes one that begins before the own position, skipping the digests that are known', () =>
    expect(judge(at10, history.link(7, 12), sha256)).toEqual({ kind: 'take', head: history.head(12) }));

  it('takes none twice', () => {
    expect(judge(at10, history.link(8, 10), sha256)).toEqual({ kind: 'known' });
    expect(judge(at10, history.link(3, 5), sha256)).toEqual({ kind: 'known' });
  });

  it('sees that one is missing', () =>
    expect(judge(at10, history.link(11, 12), sha256)).toEqual({ kind: 'gap' }));

  it('sees another hash at the own position', () => {
    const link = history.fork(8, 10).link(8, 10);
    expect(judge(at10, link, sha256)).toEqual({ kind: 'breach', breach: 'OtherHash' });
  });

  it.each([
    ['of a fork', history.fork(9, 12).link(10, 12)],
    ['with a digest too few', { ...history.link(10, 12), digests: history.digests.slice(10, 11) }],
    ['with a digest too many', { ...history.link(10, 12), digests: history.digests.slice(10, 13) }],
    [
      'with digests in another order',
      { ...history.link(10, 12), digests: history.digests.slice(10, 12).reverse() },
    ],
    ['whose hash is invented', { ...history.link(10, 12), hash: NO_HASH }],
  ])('sees a broken chain: a frame %s', (_, link) =>
    expect(judge(at10, link, sha256)).toEqual({ kind: 'breach', breach: 'ChainBroken' }),
  );
});

it('extends a head page by page', () => {
  const half = extend(history.head(3), history.digests.slice(3, 9), sha256);
  expect(extend(half, history.digests.slice(9), sha256)).toEqual(history.head(20));
});

describe('a greeting is compared with the own head', () => {
  it.each([
    ['the same end', history.welcome(10), undefined],
    ['a later end', history.welcome(15), undefined],
    ['an earlier end', history.welcome(9), 'ServerBehind'],
    ['another hash at the same place', history.fork(5, 10).welcome(), 'OtherHash'],
    ['another network', new History(15, 'z').welcome(), 'OtherNetwork'],
  ] as const)('%s', (_, welcome, breach) => expect(compare(at10, welcome)).toBe(breach));
});
