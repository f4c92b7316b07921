// With an honest server everything that can be observed is as without proofs, whichever end makes none.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { PROVOKED } from '../commands/tricks.ts';
import { throws } from '../commands.ts';
import { type Act, HonestWorld, type Told, WORLDS } from './honest-worlds.ts';

/** `PROPERTY_RUNS=200 PROPERTY_SEED=42` runs longer, or again what failed. */
const runs = Number(process.env.PROPERTY_RUNS ?? 3);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const who = fc.nat(9);
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ act: fc.constant('command' as const), thrown: throws }) },
  { weight: 8, arbitrary: fc.record({ act: fc.constant('read' as const), who, what: fc.nat(99) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('observe' as const),
      who,
      port: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('leave' as const), who }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('come' as const), who }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('join' as const) }) },
);
/** A few stories alone may lack a refusal: each ends with one. */
const refused: fc.Arbitrary<Act> = throws.map((thrown) => ({
  act: 'command',
  thrown: { ...thrown, kind: 30, mischief: PROVOKED.indexOf('UnknownPeer') },
}));
const stories = fc
  .tuple(fc.array(acts, { minLength: 30, maxLength: 60 }), refused)
  .map(([story, last]) => [...story, last]);

/** What proofs are about, and so differs by design: what is known of keys that have proved themselves. */
const OF_PROOFS = ['proved', 'hasProved', 'unmet', 'isUnmet'];
/** What is another in each run: chance and clocks. */
const OF_CHANCE = ['recordedAt', 'time', 'now', 'boot', 'aloneSince'];
/** Hashes, digests and ids hang on salts: only which of them are the same is compared. */
const CHANCE = /^[0-9a-f]{64}$|^[0-9A-HJKMNP-TV-Z]{26}$/;

const normal = (told: unknown): unknown => {
  const names = new Map<string, string>();
  return JSON.parse(JSON.stringify(told), (key, value) => {
    if (OF_PROOFS.includes(key)) return undefined;
    if (OF_CHANCE.includes(key)) return typeof value;
    if (key === 'sentence') return String(value).replace(/, proved$/, '');
    if (typeof value !== 'string' || !CHANCE.test(value)) return value;
    if (!names.has(value)) names.set(value, `#${names.size}`);
    return names.get(value);
  });
};

const tally = new Map<string, number>();
const count = (told: Told): void => {
  for (const [, what] of JSON.stringify(told).matchAll(/"(?:kind|verdict|ask|end|error|code)":"(\w+)"/g))
    tally.set(what!, (tally.get(what!) ?? 0) + 1);
};

describe('with an honest server', () => {
  it(
    'everything is as without proofs',
    async () => {
      await fc.assert(
        fc.asyncProperty(stories, async (story) => {
          const told: Told[] = [];
          for (const world of WORLDS) told.push(await HonestWorld.play(world, story));
          const [first = {}, ...others] = told;
          count(first);
          for (const other of others) expect(normal(other)).toEqual(normal(first));
        }),
        { numRuns: runs, seed, endOnFailure: true },
      );
    },
    60_000 + runs * 20_000,
  );

  it('tried what matters', () => {
    expect(
      ['welcome', 'delta', 'fetch', 'set', 'UnknownPeer', 'take'].filter((what) => !tally.has(what)),
    ).toEqual([]);
  });

  afterAll(() => {
    const counts = [...tally].sort().map(([what, times]) => `${what} ${times}`);
    process.stderr.write(`${counts.join(', ')}; again with PROPERTY_SEED=${seed} PROPERTY_RUNS=${runs}\n`);
  });
});
