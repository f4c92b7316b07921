// Peers that end, on a client: dropped by the server's clock as last proved, and by no other; kept over restarts.
import { afterEach, describe, expect, it } from 'vitest';
import type { Effect, Mirror } from '../../src/client/memory/mirror.ts';
import { machineClock, timeThere } from '../../src/client/memory/server-time.ts';
import { formatState, parseState } from '../../src/client/memory/state-file.ts';
import { Ends, overdue } from '../../src/client/sync/ends.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { Turns } from '../../src/machine/turns.ts';
import { Timestamp } from '../../src/values/time.ts';
import { ground, History, mirrorAt, own, row, server } from './sight.ts';

const LONG_AGO = Date.parse('2020-01-01T12:00:00.000Z');
const at = (milliseconds: number): Timestamp => Timestamp.parse(new Date(milliseconds).toISOString());

const history = new History(10);
const bob = row(5, '10.42.1.5', 50, { name: 'bob', expires: at(LONG_AGO) });
const eve = row(6, '10.42.1.6', 60, { name: 'eve' });
const seeing = (...rows: (typeof bob)[]): Mirror => mirrorAt(history, 3, rows);
const names = (mirror: Mirror): string[] => [...mirror.tunnels()].map(({ name }) => name);
const told = (milliseconds: number) => ({ told: milliseconds, here: machineClock() });

const kept = (mirror: Mirror) =>
  formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() });
const restarted = (text: string): Mirror => parseState(text, 'acme.json', ground, sha256).mirror;

describe('what the server said of its time', () => {
  const here = { boot: 'a', uptime: 5_000 };

  it('goes on with this machine, and stands still while it starts again', () => {
    expect(timeThere({ told: 1_000, here }, { boot: 'a', uptime: 8_000 })).toBe(4_000);
    expect(timeThere({ told: 1_000, here }, { boot: 'b', uptime: 8_000 })).toBe(1_000);
  });
});

describe('who is over', () => {
  it('goes at the end, not before; whoever has none stays', () => {
    const mirror = seeing(bob, eve);
    expect(mirror.judgeEnds(LONG_AGO - 1)).toBeUndefined();
    mirror.take(mirror.judgeEnds(LONG_AGO) as Effect);
    expect(names(mirror)).toEqual(['eve']);
    expect(mirror.judgeEnds(LONG_AGO)).toBeUndefined();
  });

  it('is neither this machine nor the server', () => {
    const mirror = seeing();
    const ended = [server, own].map((each) => ({ ...each, expires: at(LONG_AGO) }));
    const verdict = mirror.judgeDelta(history.delta(3, 4, { changed: ended }));
    if (verdict.kind === 'take') mirror.take(verdict.effect);
    expect(mirror.judgeEnds(LONG_AGO)).toBeUndefined();
    expect(mirror.nextEnd()).toBeUndefined();
  });

  it('is nobody while no server has proved what time it is, whatever the clock of this machine says', () => {
    expect(overdue(seeing(bob))).toBeUndefined();
  });

  it('comes back with another end', () => {
    const mirror = seeing(bob);
    mirror.take(mirror.judgeEnds(LONG_AGO) as Effect);
    const again = { ...bob, expires: at(LONG_AGO + 1) };
    const verdict = mirror.judgeDelta(history.delta(3, 4, { changed: [again] }));
    if (verdict.kind !== 'take') throw new Error(verdict.kind);
    expect(mirror.take(verdict.effect).added).toEqual([again]);
  });
});

describe('a restart', () => {
  it('keeps out who was dropped, and knows what time it was', () => {
    const mirror = seeing(bob, row(7, '10.42.1.7', 70, { name: 'zoe', expires: at(LONG_AGO + 1) }));
    mirror.clock = told(LONG_AGO - 60_000);
    mirror.take(mirror.judgeEnds(LONG_AGO) as Effect);
    const after = restarted(kept(mirror));
    expect(names(after)).toEqual(['zoe']);
    expect(after.clock).toEqual(mirror.clock);
  });

  it('drops whoever was over by what was noted, though the server is away', () => {
    const mirror = seeing(bob, eve);
    mirror.clock = told(LONG_AGO);
    const after = restarted(kept(mirror));
    expect(overdue(after)?.peers.removed).toEqual([bob.id]);
    after.clock = { told: LONG_AGO - 1, here: { boot: 'another start', uptime: 0 } };
    expect(overdue(after)).toBeUndefined();
  });

  it('leaves the state file as it was where nobody ends', () => {
    const mirror = seeing(eve);
    mirror.clock = told(LONG_AGO);
    expect(kept(mirror)).not.toContain('clock');
  });
});

it('where /proc is hidden, this process alone tells how long it has run', () => {
  const [hidden, later] = [machineClock('/nowhere'), machineClock('/nowhere')];
  expect(hidden.boot).toBe(later.boot);
  expect(hidden.boot).not.toBe(machineClock().boot);
  expect(later.uptime).toBeGreaterThanOrEqual(hidden.uptime);
});

describe('while it follows', () => {
  let ends: Ends | undefined;
  afterEach(() => ends?.close());

  const following = (mirror: Mirror) => {
    const said: string[] = [];
    let folds = 0;
    let isDropped = () => {};
    const dropped = new Promise<void>((resolve) => {
      isDropped = resolve;
    });
    const commit = async (effect: Effect): Promise<void> => {
      mirror.take(effect);
      isDropped();
    };
    const complain = (message: string): void => void said.push(message);
    const foldSoon = (): void => void folds++;
    const say = complain;
    ends = new Ends({ mirror, turns: new Turns(), applier: { commit, complain, foldSoon }, say });
    return { ends, dropped, said, folds: () => folds };
  };

  it('drops a peer at its end by the clock that a server proved', async () => {
    const mirror = seeing(bob, eve);
    const { ends, dropped, said, folds } = following(mirror);
    expect(ends.hear(LONG_AGO - 300)).toBe(false);
    expect(folds()).toBe(1);
    await dropped;
    expect(timeThere(mirror.clock as NonNullable<Mirror['clock']>, machineClock())).toBeGreaterThanOrEqual(
      LONG_AGO,
    );
    expect([names(mirror), said]).toEqual([['eve'], ['the time of "bob" is over: it is cut off']]);
  });

  it('says when that clock was set back: who was dropped may be there still', () => {
    const { ends } = following(seeing(eve));
    ends.hear(LONG_AGO);
    expect(ends.hear(LONG_AGO - 30_000)).toBe(false);
    expect(ends.hear(LONG_AGO - 3_600_000)).toBe(true);
    expect(ends.hear(LONG_AGO)).toBe(false);
  });
});
