// Whatever two routers, the direct way and the relays do: a pair that may talk does, and its way does not flap.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RouterKind, type Side, TwoRouters } from './two-routers.ts';

/** `PROPERTY_RUNS=5000` runs longer, `PROPERTY_SEED=42` again what failed. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 100);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const keep = { a: 'keep', b: 'keep' } as const;

describe('two peers behind routers', () => {
  it.each<[RouterKind, RouterKind, 'direct' | 'relayed']>([
    ['keep', 'keep', 'direct'],
    ['symmetric', 'keep', 'relayed'],
    ['keep', 'symmetric', 'relayed'],
    ['symmetric', 'symmetric', 'relayed'],
  ])('%s and %s begin at the relay and end %s', (a, b, way) => {
    const world = new TwoRouters({ kinds: { a, b } });
    expect(world.passes(500)).toBe(true);
    world.run(3000);
    expect([world.wayOf('a'), world.wayOf('b')]).toEqual([way, way]);
    expect(world.passes(300)).toBe(true);
  });

  it.each<[string, Side[]]>([
    ['from a', ['a']],
    ['from b', ['b']],
    ['both ways', ['a', 'b']],
  ])('fall back within two seconds when the direct way is cut %s, and return when it heals', (_, sides) => {
    const world = new TwoRouters({ kinds: keep });
    world.run(3000);
    for (const side of sides) world.cut.add(side);
    world.run(2000);
    expect(world.passes(300)).toBe(true);
    world.run(20_000);
    world.cut.clear();
    world.run(10_000);
    expect([world.wayOf('a'), world.wayOf('b')]).toEqual(['direct', 'direct']);
  });

  it('fall back as fast when the session was renewed on the direct way: the relay does not know it', () => {
    const world = new TwoRouters({ kinds: keep });
    world.run(200_000);
    expect(world.wayOf('a')).toBe('direct');
    for (const side of ['a', 'b'] as const) world.cut.add(side);
    world.run(2500);
    expect(world.passes(300)).toBe(true);
  });

  it('take the other relay when one dies', () => {
    const world = new TwoRouters({ kinds: { a: 'symmetric', b: 'symmetric' }, relays: 2 });
    world.run(3000);
    world.die(world.relays[0]?.id as never);
    world.run(3000);
    expect(world.passes(300)).toBe(true);
  });
});

type Act =
  | { act: 'reboot' | 'move'; side: Side }
  | { act: 'cut' | 'heal'; sides: Side[] }
  | { act: 'die' | 'return'; relay: number }
  | { act: 'talk' | 'rest' };

const side = fc.constantFrom<Side>('a', 'b');
const sides = fc.subarray<Side>(['a', 'b'], { minLength: 1 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constantFrom('reboot' as const, 'move' as const), side }),
  fc.record({ act: fc.constantFrom('cut' as const, 'heal' as const), sides }),
  fc.record({ act: fc.constantFrom('die' as const, 'return' as const), relay: fc.nat(1) }),
  fc.record({ act: fc.constantFrom('talk' as const, 'rest' as const) }),
);
const story = fc.record({
  a: fc.constantFrom<RouterKind>('keep', 'symmetric'),
  b: fc.constantFrom<RouterKind>('keep', 'symmetric'),
  relays: fc.integer({ min: 1, max: 2 }),
  acts: fc.array(fc.record({ act, wait: fc.constantFrom(100, 500, 1500, 4000, 12_000, 40_000) }), {
    maxLength: 8,
  }),
});

const carryOut = (world: TwoRouters, one: Act): void => {
  const relay = 'relay' in one ? world.relays[one.relay]?.id : undefined;
  if (one.act === 'reboot') world.reboot(one.side);
  else if (one.act === 'move') world.move(one.side);
  else if (one.act === 'cut') for (const from of one.sides) world.cut.add(from);
  else if (one.act === 'heal') for (const from of one.sides) world.cut.delete(from);
  else if (one.act === 'die' && relay) world.die(relay);
  else if (one.act === 'return' && relay) world.return(relay);
  else world.isTalking = one.act === 'talk';
};

it(
  'in any story a pair is connected again within seconds while a relay lives, and does not flap',
  () =>
    fc.assert(
      fc.property(story, ({ a, b, relays, acts }) => {
        const world = new TwoRouters({ kinds: { a, b }, relays });
        world.run(1000);
        for (const { act: one, wait } of acts) {
          carryOut(world, one);
          world.run(wait);
        }
        for (const id of world.deadRelays) world.return(id);
        world.isTalking = true;
        world.run(20_000);
        expect(world.passes(3000), 'connected').toBe(true);
        // From here on nothing happens: a change of way more than the swap would be flapping.
        const before = [world.peers.a.ways.length, world.peers.b.ways.length];
        world.run(60_000);
        expect(world.peers.a.ways.length - (before[0] ?? 0), world.peers.a.ways.join(' ')).toBeLessThan(4);
        expect(world.peers.b.ways.length - (before[1] ?? 0), world.peers.b.ways.join(' ')).toBeLessThan(4);
        expect(world.passes(3000), 'still connected').toBe(true);
      }),
      { numRuns, seed },
    ),
  600_000,
);
