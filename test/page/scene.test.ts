// What the map shows of a state: signs of peers, who is lit, and the marks of a change.
import { signal } from '@preact/signals';
import { expect, it } from 'vitest';
import { differenceOf } from '../../src/domain/difference.ts';
import type { Network } from '../../src/domain/network.ts';
import { Ground } from '../../src/page/map/ground.ts';
import { icicleOf } from '../../src/page/map/icicle.ts';
import { marksOf } from '../../src/page/map/marks.ts';
import { observedOf } from '../../src/page/observed.ts';
import type { Page, Shown } from '../../src/page/page.ts';
import { cellsOf, joined, litBlocks, type Scene, sceneOf, stateIn } from '../../src/page/scene.ts';
import { countText, spanText, stateOf } from '../../src/page/words.ts';
import type { PeerId } from '../../src/values/id.ts';
import { acme, associated, ids } from '../acme.ts';
import { NOON, networkOf } from '../given.ts';

const NOON_MS = Date.parse(NOON);
const AGO = (seconds: number) => new Date(NOON_MS - seconds * 1000).toISOString() as never;

const shown = (network: Network): Shown => ({ network, position: network.position, time: NOON });

const scene = (before: Network, after = before): Scene => {
  const [first, then] = [shown(before), shown(after)];
  const marks = before === after ? undefined : marksOf(differenceOf(before, after).reach, before, after);
  const same = before === after ? first : then;
  return {
    before: first,
    after: same,
    marks,
    observed: new Map(),
    ways: new Map(),
    selection: [],
    lit: undefined,
  };
};

const cellsIn = (each: Scene) => {
  const ground = new Ground();
  ground.widen(each.before.network);
  ground.widen(each.after.network);
  const cells = cellsOf(each, ground, icicleOf(ground.plots(), { width: 1000, height: 400 }), NOON_MS);
  return new Map(cells.map((cell) => [cell.name, cell]));
};

it('a peer has the sign of the way to it, of its end, or of its invitation', () => {
  const network = networkOf(acme.network);
  const ann = network.peer(ids.ann);
  if (!ann) throw new Error('ann is there');
  expect(stateOf(ann, { isConnected: false, way: 'relayed' }, NOON_MS)).toBe('relayed');
  expect(stateOf(ann, { isConnected: true }, NOON_MS)).toBe('direct');
  expect(stateOf(ann, { isConnected: false, seen: AGO(179) }, NOON_MS)).toBe('direct');
  expect(stateOf(ann, { isConnected: false, seen: AGO(181) }, NOON_MS)).toBe('silent');
  expect(stateOf(ann, { isConnected: false, way: 'trying' }, NOON_MS)).toBe('silent');
  // That this machine has no tunnel to it says nothing of it.
  expect(stateOf(ann, { isConnected: true, way: 'silent' }, NOON_MS)).toBe('direct');
  expect(stateOf(ann, null, NOON_MS)).toBe('silent');
  expect(stateOf(ann, undefined, NOON_MS)).toBe('joined');
  expect(stateOf({ ...ann, isDisabled: true }, { isConnected: true }, NOON_MS)).toBe('disabled');
  expect(stateOf({ ...ann, isRedeemed: false }, null, NOON_MS)).toBe('invited');
});

it('a change marks who it is about, touches the others, and leaves the rest faint', () => {
  const before = networkOf(acme.network);
  const after = before.clone();
  after.evolve({ type: 'PeerDisabled', peerId: ids.ann });
  const cells = cellsIn(scene(before, after));
  expect(cells.get('ann')).toMatchObject({ mark: 'lost', isFaint: false, state: 'disabled' });
  expect(cells.get('innernet-server')?.mark).toBeDefined();
  expect(cells.get('oven')).toMatchObject({ mark: undefined, isFaint: true });
});

it('who goes keeps its place until the change is done, and an end of an association is seen', () => {
  const before = networkOf(acme.network, associated(ids.bakers, ids.machines));
  const after = before.clone();
  after.evolve({ type: 'PeerDeleted', peerId: ids.oven });
  after.evolve({ type: 'InvitationRevoked', peerId: ids.eve });
  after.evolve({ type: 'AssociationDeleted', associationId: 1 as never });
  const change = scene(before, after);
  expect(cellsIn(change).get('oven')).toMatchObject({ mark: 'lost', isFaint: false });
  expect(cellsIn(change).get('eve')).toMatchObject({ mark: 'lost', state: 'invited' });
  const { all, came, went } = joined(change);
  expect([all.length, came.size, [...went]]).toEqual([1, 0, [1]]);
  expect(litBlocks(change)?.has(ids.machines)).toBe(true);
});

it('what is chosen lights its blocks and those around them', () => {
  const each = { ...scene(networkOf(acme.network)), lit: new Set<PeerId>([ids.ann]) };
  expect(cellsIn(each).get('oven')?.isFaint).toBe(true);
  expect(cellsIn(each).get('ann')?.isFaint).toBe(false);
  const lit = litBlocks(each);
  expect(lit?.has(ids.root)).toBe(true);
  expect(lit?.has(ids.machines)).toBe(false);
});

it('a state is what the machine tells of itself, and to a chosen one what that one has', () => {
  const network = networkOf(acme.network);
  const seen = [{ peerId: ids.ann, last: AGO(40) }];
  const told = (direct: number, relayed: number) =>
    observedOf(
      { seen, ways: [{ peerId: ids.ann, way: 'silent' }], told: [{ peerId: ids.ann, direct, relayed }] },
      NOON_MS,
    );
  const ann = network.peer(ids.ann)!;
  const states = [told(0, 0), told(3, 1), told(1, 1)].map((observed) =>
    stateIn({ ...scene(network), observed }, ann, NOON_MS),
  );
  expect(states).toEqual(['direct', 'direct', 'relayed']);
  const ways = new Map([[ids.ann as PeerId, 'relayed' as const]]);
  expect(stateIn({ ...scene(network), observed: told(3, 1), ways }, ann, NOON_MS)).toBe('relayed');
  expect(stateIn({ ...scene(network), ways }, { ...ann, isDisabled: true }, NOON_MS)).toBe('disabled');
});

it('an action in work is drawn as the change that it would be, and once it is done as what is there', () => {
  const now = shown(networkOf(acme.network));
  const after = shown(now.network.clone());
  after.network.evolve({ type: 'PeerDisabled', peerId: ids.ann });
  const prepared = { reach: differenceOf(now.network, after.network).reach };
  const drawn = (stage: string) =>
    sceneOf({
      shown: signal(now),
      act: signal({ stage, after, prepared }),
      comparison: signal(undefined),
      moment: signal('now'),
      observed: signal(new Map()),
      selection: signal([]),
      ways: signal([]),
    } as unknown as Page);
  expect(drawn('shown')).toMatchObject({ before: now, after });
  expect(drawn('shown')?.marks?.get(ids.ann)).toBe('lost');
  expect(drawn('done')).toMatchObject({ before: now, after: now, marks: undefined });
});

it('counts and spans are said in words', () => {
  expect([spanText(59_000), spanText(3_600_000), spanText(200_000_000)]).toEqual(['59 s', '1 h', '2 d']);
  expect([countText(1, 'peer'), countText(12_345, 'peer')]).toEqual(['1 peer', '12,345 peers']);
});
