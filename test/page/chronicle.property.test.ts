// Any history: what the page folds from the log's entries is what the program answers, at each moment and in words.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceOf } from '../../src/domain/difference.ts';
import { reachDifference } from '../../src/domain/reach.ts';
import { Chronicle } from '../../src/page/chronicle.ts';
import { PAGE_OF_ENTRIES } from '../../src/protocol/page.ts';
import type { Told } from '../../src/protocol/past.ts';
import { LogPast } from '../../src/server/past/past.ts';
import type { Position } from '../../src/values/id.ts';
import { starts } from '../commands/starts.ts';
import { throws } from '../commands.ts';
import { randomLog } from '../server/random-log.ts';

/** `PROPERTY_RUNS=500` runs longer, `PROPERTY_SEED=42` again what failed. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 20);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const logs = fc.tuple(starts, fc.array(throws, { minLength: 30, maxLength: 70 }));

const toldBy = async (past: LogPast, wordless: boolean): Promise<Told[]> => {
  const { position } = await past.ask({ ask: 'head' });
  const told: Told[] = [];
  for (let after = 0; after < position; ) {
    const page = await past.ask({
      ask: 'history',
      after: after as Position,
      limit: PAGE_OF_ENTRIES,
      wordless,
    });
    told.push(...page.entries);
    after = page.end;
  }
  return told;
};

const byId = <T extends { id: number }>(rows: Iterable<T>): T[] =>
  [...rows].sort((left, right) => left.id - right.id);

it('folds what state answers, and says what history says', {
  timeout: 120_000 + numRuns * 2_000,
}, async () => {
  let events = 0;
  await fc.assert(
    fc.asyncProperty(logs, fc.nat(6), async ([start, dice], stride) => {
      const { log } = await randomLog(start, dice);
      try {
        const past = new LogPast(log);
        const told = await toldBy(past, true);
        // A short stride, so that states are folded from kept ones too.
        const chronicle = new Chronicle(0, 1 + stride * 7);
        const cut = Math.floor(told.length / 3);
        for (const part of [told.slice(0, cut), told.slice(cut)]) chronicle.take(part);
        const worded = await toldBy(past, false);
        expect(chronicle.entries.map(({ who, sentence }) => ({ who, sentence }))).toEqual(
          worded.map(({ who, sentence }) => ({ who, sentence })),
        );
        for (const { position, commitEnd, recordedAt } of chronicle.entries) {
          const state = await past.ask({ ask: 'state', at: position });
          const { network, time } = chronicle.at(commitEnd);
          expect(state.position).toBe(commitEnd);
          expect(time).toBe(recordedAt);
          expect(byId(network.peers())).toEqual(byId(state.peers));
          expect(byId(network.cidrs())).toEqual(byId(state.cidrs));
          expect(byId(network.associations())).toEqual(byId(state.associations));
          expect(network.isProofRequired).toBe(state.isProofRequired);
          expect(network.defaultExpiry).toBe(state.defaultExpiry);
        }
        const [middle, end] = [chronicle.entries[cut]?.commitEnd ?? 0, chronicle.position];
        const [early, late] = [chronicle.at(middle as Position), chronicle.at(end)];
        const diff = await past.ask({ ask: 'diff', from: middle as Position, to: end });
        const difference = differenceOf(early.network, late.network);
        for (const kind of ['added', 'removed'] as const) {
          expect(byId(difference.cidrs[kind])).toEqual(byId(diff.cidrs[kind]));
          expect(byId(difference.peers[kind])).toEqual(byId(diff.peers[kind]));
        }
        const pairs = (groups: readonly { pairs: number }[]) =>
          groups.reduce((sum, each) => sum + each.pairs, 0);
        const reach = reachDifference(early.network, late.network);
        expect(pairs(reach.gained)).toBe(pairs(diff.reach.gained));
        expect(pairs(reach.lost)).toBe(pairs(diff.reach.lost));
        events += told.length;
      } finally {
        await log.close();
      }
    }),
    { numRuns, seed },
  );
  expect(events).toBeGreaterThan(20 * numRuns);
});

it('refuses a gap', () => {
  const chronicle = new Chronicle(0);
  expect(() => chronicle.take([{ position: 2 } as Told])).toThrow('entry 2 does not follow 0');
});
