// A statement: bodies keep their bytes, each leads to the one root, and nothing else is signed with them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bareOf,
  type Leaf,
  leafHash,
  messageOf,
  pathOf,
  rootBy,
  rootOf,
  type Statement,
  signedBody,
} from '../../src/domain/statement.ts';
import { sha256, sha256Text } from '../../src/machine/sha256.ts';
import { type Hash, NO_HASH } from '../../src/values/id.ts';

const networkId = sha256Text('acme');

const statement = {
  key: 3,
  seen: [131, sha256Text('131')],
  issued: 1_764_500_000_000,
  of: 1,
  last: 1,
  on: '0'.repeat(16),
  sig: 'A'.repeat(86),
} as unknown as Statement;

describe('a signed body', () => {
  it('gives its bare text back, whatever is in it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const { signed: _, ...rest } = fields;
        const bare = JSON.stringify(rest);
        const text = signedBody(bare, statement);
        expect(bareOf(text)).toBe(bare);
        expect(JSON.parse(text).signed).toEqual(statement);
      }),
    );
  });

  it('is not misled by text that looks like the field', () => {
    const bare = JSON.stringify({ name: ',"signed":{}', other: '"signed":' });
    expect(bareOf(signedBody(bare, statement))).toBe(bare);
    expect(bareOf(bare)).toBe(bare);
    expect(bareOf(signedBody('{}', statement))).toBe('{}');
  });
});

describe('the tree of a commit', () => {
  const leaves = (count: number): Hash[] => Array.from({ length: count }, (_, at) => sha256Text(`${at}`));

  it('is led to its root by each leaf, and by no other one', () => {
    for (let count = 1; count <= 20; count++) {
      const all = leaves(count);
      const root = rootOf(all, sha256);
      all.forEach((leaf, at) => {
        const path = pathOf(all, at, sha256);
        expect(rootBy(leaf, path, sha256)).toBe(root);
        expect(rootBy(sha256Text('another'), path, sha256)).not.toBe(root);
        const other = pathOf(all, (at + 1) % count, sha256);
        if (count > 1) expect(rootBy(leaf, other, sha256)).not.toBe(root);
      });
    }
  });

  it('has another root for another order, another count and no leaf', () => {
    const all = leaves(5);
    const roots = [all, all.toReversed(), all.slice(1), [...all, ...all.slice(-1)], []];
    expect(new Set(roots.map((some) => rootOf(some, sha256))).size).toBe(roots.length);
    expect(rootOf([], sha256)).toBe(NO_HASH);
  });

  it('takes no node for a leaf', () => {
    const [left = NO_HASH, right = NO_HASH] = leaves(2);
    const node = rootOf([left, right], sha256);
    expect(rootOf([node], sha256)).toBe(node);
    const bare = Buffer.from(left + right, 'hex').toString('latin1');
    expect(leafHash(networkId, { type: '', bare, before: NO_HASH, last: 1 }, sha256)).not.toBe(node);
  });
});

describe('what is signed', () => {
  const leaf: Leaf = { type: 'PeerAdded', bare: '{"peerId":4}', before: NO_HASH, last: 2 };

  it('differs where the network, type, body, state before or last count does', () => {
    const all = [
      leafHash(networkId, leaf, sha256),
      leafHash(sha256Text('other'), leaf, sha256),
      ...[{ type: 'PeerEnabled' }, { bare: '{"peerId":5}' }, { before: sha256Text('x') }, { last: 3 }].map(
        (other) => leafHash(networkId, { ...leaf, ...other }, sha256),
      ),
    ];
    expect(new Set(all).size).toBe(6);
  });

  it('differs where the head seen, the time, the count of bodies or the root does', () => {
    const root = leafHash(networkId, leaf, sha256);
    const { seen, issued, of } = statement;
    const messages = [
      messageOf(networkId, { seen, issued, of }, root),
      messageOf(networkId, { seen: [132, seen[1]], issued, of }, root),
      messageOf(networkId, { seen: [seen[0], sha256Text('fork')], issued, of }, root),
      messageOf(networkId, { seen, issued: issued + 1, of }, root),
      messageOf(networkId, { seen, issued, of: 2 }, root),
      messageOf(networkId, { seen, issued, of }, networkId),
      messageOf(root, { seen, issued, of }, root),
    ].map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(new Set(messages).size).toBe(7);
    expect(messages[0]?.length).toBe(2 * ('innernet authority 1\0'.length + 32 + 8 + 8 + 4 + 32 + 32));
  });
});
