// A backup of yesterday is put back: what a client that had come further takes from it, and whom it keeps out.
import { describe, expect, it } from 'vitest';
import type { Mirror } from '../../src/client/memory/mirror.ts';
import { formatState, parseState } from '../../src/client/memory/state-file.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import type { Restoration, Snapshot } from '../../src/protocol/frames.ts';
import type { PeerRow } from '../../src/protocol/rows.ts';
import type { Position } from '../../src/values/id.ts';
import { ground, History, mirrorAt, own, row, server } from './sight.ts';

const history = new History(30);
/** Goes on from a backup that ended at position 5; 6 is the restoration. */
const restored = history.fork(5, 20);
const at = (position: number, more: Partial<Restoration> = {}): Restoration => ({
  position: position as Position,
  lostPosition: 12 as Position,
  lostHash: history.head(12).hash,
  ...more,
});

const bob = row(5, '10.42.1.5', 50, { name: 'bob' });
const eve = row(6, '10.42.1.6', 60, { name: 'eve' });
const zoe = row(7, '10.42.1.7', 70, { name: 'zoe' });

const names = (mirror: Mirror) => [...mirror.tunnels()].map(({ name }) => name).sort();
const held = (mirror: Mirror) => [...mirror.held()].map(({ row: { name }, rule }) => `${name} ${rule}`);

/** A client at position 9 that had seen eve go at 8. */
const ahead = (): Mirror => {
  const mirror = mirrorAt(history, 7, [bob, eve]);
  const verdict = mirror.judgeDelta(history.delta(7, 9, { removed: [6], changed: [zoe] }));
  if (verdict.kind !== 'take') throw new Error(verdict.kind);
  mirror.take(verdict.effect);
  return mirror;
};

const snapshotOf = (position: number, peers: PeerRow[], restorations = [at(6)]): Snapshot => ({
  ...restored.snapshot(position, position, [server, own, ...peers]),
  restorations,
});

const take = (mirror: Mirror, verdict: ReturnType<Mirror['judgeDelta']>) => {
  if (verdict.kind !== 'take' && verdict.kind !== 'alarm') throw new Error(`judged ${verdict.kind}`);
  mirror.take(verdict.effect);
  return verdict.kind;
};

const follow = (peers: PeerRow[] = [bob, eve]): Mirror => {
  const mirror = ahead();
  take(mirror, mirror.judgeWelcome(restored.welcome(6)));
  expect(take(mirror, mirror.judgeSnapshot(snapshotOf(6, peers)))).toBe('take');
  return mirror;
};

describe('an older copy that nobody owned up to', () => {
  it('raises the alarm: removals are obeyed, nobody comes in', () => {
    const mirror = ahead();
    expect(take(mirror, mirror.judgeWelcome(restored.welcome(6)))).toBe('alarm');
    expect(take(mirror, mirror.judgeSnapshot(restored.snapshot(6, 6, [server, own, bob, eve])))).toBe(
      'alarm',
    );
    expect(names(mirror)).toEqual(['bob']);
    expect(mirror.alarm?.breach).toBe('ServerBehind');
  });

  it('is followed once it is recorded, and the alarm becomes a notice', () => {
    const mirror = ahead();
    take(mirror, mirror.judgeWelcome(restored.welcome(6)));
    take(mirror, mirror.judgeSnapshot(snapshotOf(6, [bob, eve])));
    expect(mirror.alarm).toBeNull();
    expect(mirror.notice?.head).toEqual(history.head(9));
    expect(mirror.head).toEqual(restored.head(6));
  });
});

describe('after the recorded restore', () => {
  it('who had been seen to go stays out, whatever else is said of it, until it is enabled', () => {
    const mirror = follow();
    expect(names(mirror)).toEqual(['bob']);
    expect(held(mirror)).toEqual(['eve SeenGone']);
    take(mirror, mirror.judgeDelta(restored.delta(6, 7, { changed: [{ ...eve, name: 'evelyn' }] })));
    expect(held(mirror)).toEqual(['evelyn SeenGone']);
    take(mirror, mirror.judgeDelta(restored.delta(7, 8, { removed: [6] })));
    take(mirror, mirror.judgeDelta(restored.delta(8, 9, { changed: [eve] })));
    expect([names(mirror), held(mirror)]).toEqual([['bob'], ['eve SeenGone']]);
    take(mirror, mirror.judgeDelta(restored.delta(9, 10, { changed: [{ ...eve, isVouchedFor: true }] })));
    expect([names(mirror), held(mirror)]).toEqual([['bob', 'eve'], []]);
  });

  it('who had come since goes, and may come again', () => {
    const mirror = follow();
    take(mirror, mirror.judgeDelta(restored.delta(6, 7, { changed: [zoe] })));
    expect(names(mirror)).toEqual(['bob', 'zoe']);
  });

  it('the network of later is an ordinary one: who goes then comes back by itself', () => {
    const mirror = follow();
    take(mirror, mirror.judgeDelta(restored.delta(6, 7, { removed: [5] })));
    take(mirror, mirror.judgeDelta(restored.delta(7, 8, { changed: [bob] })));
    expect(names(mirror)).toEqual(['bob']);
  });

  it('is remembered over a restart, and shown until it is acknowledged', () => {
    const kept = parseState(
      formatState({ mirror: follow(), endpoints: new Map(), relays: new Map(), offers: new Map() }),
      'acme.json',
      ground,
      sha256,
    );
    const { mirror } = kept;
    expect(mirror.notice?.restoration).toEqual(at(6));
    take(mirror, mirror.judgeDelta(restored.delta(6, 7, { changed: [eve] })));
    expect(held(mirror)).toEqual(['eve SeenGone']);
    mirror.take(mirror.judgeAcknowledgement());
    expect(mirror.notice).toBeNull();
    expect(held(mirror)).toEqual(['eve SeenGone']);
  });

  it('a machine that had been shut out itself holds back only whom it had seen go before', () => {
    const mirror = ahead();
    mirror.take(mirror.judgeRevocation());
    take(mirror, mirror.judgeWelcome(restored.welcome(6)));
    take(mirror, mirror.judgeSnapshot(snapshotOf(6, [bob, eve])));
    expect([names(mirror), held(mirror)]).toEqual([['bob'], ['eve SeenGone']]);
  });
});

describe('a restoration that explains nothing', () => {
  it.each([
    ['lost less than this client has', at(6, { lostPosition: 8 as Position })],
    ['lost another head', at(6, { lostPosition: 9 as Position })],
    ['came after this client was level', at(10)],
  ])('%s: the alarm stays', (_, restoration) => {
    const mirror = ahead();
    expect(take(mirror, mirror.judgeSnapshot(snapshotOf(12, [bob, eve], [restoration])))).toBe('alarm');
    expect(names(mirror)).toEqual(['bob']);
  });

  it('is that of another network', () => {
    const mirror = ahead();
    const other = new History(10, 'other');
    take(mirror, mirror.judgeWelcome(other.welcome(6)));
    const snapshot = { ...other.snapshot(6, 6, [server, own, eve]), restorations: [at(6)] };
    expect(take(mirror, mirror.judgeSnapshot(snapshot))).toBe('alarm');
  });
});
