// The matrix against the rule that the server itself judges by, the arcs against the associations, and the slider's bars.
import { expect, it } from 'vitest';
import { mayBeShown } from '../../src/domain/reach.ts';
import { arcsOf, curveOf, lineOf } from '../../src/page/map/arcs.ts';
import { barsOf } from '../../src/page/map/bars.ts';
import { Ground } from '../../src/page/map/ground.ts';
import { icicleOf } from '../../src/page/map/icicle.ts';
import { arcLimit, limitText, mayBegin } from '../../src/page/map/limits.ts';
import { inhabited, inOrder, matrixOf, type Relation } from '../../src/page/map/relations.ts';
import { type CidrId, SERVER_CIDR } from '../../src/values/id.ts';
import { TOWNS } from './towns.ts';

const { network } = TOWNS[10]();

const between = (one: string, other: string): Relation | undefined => {
  const cidrs = inOrder(network);
  const at = (name: string) => cidrs.findIndex((node) => node.name === name);
  return matrixOf(network, cidrs).rows[at(one)]?.[at(other)];
};

it('names how two blocks stand to each other', () => {
  expect(between('humans', 'humans')).toBe('own');
  expect(between('humans', 'printers')).toBe('associated');
  expect(between('humans', 'guests')).toBe('none');
  expect(between('machines', 'ci')).toBe('one-way');
  expect(between('guests', 'innernet-server')).toBe('server');
});

it('calls what comes from a block around inherited, and agrees with the rule for each pair of peers', () => {
  const town = TOWNS[500]().network;
  const cidrs = inhabited(town);
  const { rows } = matrixOf(town, cidrs);
  const seen = new Set<Relation>();
  for (const [row, left] of cidrs.entries())
    for (const [column, right] of cidrs.entries()) {
      const [one, other] = [[...town.peersIn(left.id)][0], [...town.peersIn(right.id)].at(-1)];
      const relation = rows[row]?.[column] as Relation;
      seen.add(relation);
      if (one && other && one !== other) expect(mayBeShown(town, one, other)).toBe(relation !== 'none');
    }
  expect([...seen].sort()).toEqual(['associated', 'inherited', 'none', 'own', 'server']);
  expect(cidrs.some(({ id }) => id === SERVER_CIDR)).toBe(true);
});

const icicle = (width: number) => {
  const ground = new Ground();
  ground.widen(network);
  return icicleOf(ground.plots(), { width, height: 300 });
};

it('draws an arc for each association, and one with their number where blocks are too narrow', () => {
  const wide = arcsOf(icicle(1200), network.associations());
  const pairs = wide.arcs.map(({ from, to }) => [from, to].map(({ id }) => network.cidr(id)?.name));
  expect(pairs).toEqual([
    ['humans', 'printers'],
    ['printers', 'guests'],
    ['humans', 'ci'],
  ]);
  expect(wide.hidden).toEqual([]);

  const narrow = icicle(1200);
  const squeezed = {
    ...narrow,
    blockOf: new Map(
      [...narrow.blockOf].map(([id, block]) => [
        id,
        ['printers', 'ci'].includes(network.cidr(id)?.name ?? '') ? { ...block, width: 5 } : block,
      ]),
    ),
  };
  const { arcs } = arcsOf(squeezed, network.associations());
  expect(arcs.map(({ ids }) => ids.length)).toEqual([2, 1]);
  const arc = arcs[0] as never;
  const curve = curveOf(squeezed, arc, 120);
  expect(curve.bottom).toBeLessThanOrEqual(squeezed.base + 120);
  expect(lineOf(arc, curve)).toMatch(/^M[\d.]+ [\d.]+C[\d.]+ [\d.]+ [\d.]+ [\d.]+ [\d.]+ [\d.]+$/);
});

it('shares the events of the log out over the strip, the fullest part as high as it goes', () => {
  expect(barsOf([0, 0.1, 0.1, 0.99, 1], 4)).toEqual([1, 0, 0, 2 / 3]);
  expect(barsOf([], 2)).toEqual([0, 0]);
});

it('an arc and a cell say what a limited association lets its ends begin', () => {
  const town = TOWNS[10]();
  const cidrs = ['humans', 'printers'];
  const tcp = (from: string, port: number) => ({ from, protocol: 'tcp', ports: [[port, port]] });
  const limited = (...allow: object[]) => {
    town.do({ type: 'LimitAssociation', cidrs, allow });
    const { network: now } = town;
    const nodes = inOrder(now);
    const at = (name: string) => nodes.findIndex((node) => node.name === name);
    const { rows } = matrixOf(now, nodes);
    const drawn = icicle(900);
    const [arc] = arcsOf(drawn, now.associations()).arcs.filter(({ from, to }) =>
      [from, to].every(({ id }) => cidrs.includes(now.cidr(id)?.name ?? '')),
    );
    if (!arc) throw new Error('there is no such arc');
    const limit = arcLimit(
      now,
      arc,
      [...now.associations()].filter(({ id }) => arc.ids.includes(id)),
    );
    const [humans, printers] = [at('humans'), at('printers')];
    const ofRow = mayBegin(now, nodes[humans]?.id as CidrId, nodes[printers]?.id as CidrId);
    return [limit && limitText(limit), rows[humans]?.[printers], rows[printers]?.[humans], ofRow];
  };
  expect(limited(tcp('humans', 631))).toEqual(['tcp 631 →', 'begins', 'answers', 'tcp 631']);
  expect(limited(tcp('printers', 22))).toEqual(['← tcp 22', 'answers', 'begins', 'nothing']);
  expect(limited(tcp('humans', 631), { from: 'printers', protocol: 'icmp' })).toEqual([
    ...['tcp 631 → · ← ping', 'begins', 'begins', 'tcp 631'],
  ]);
  expect(limited(tcp('humans', 22), tcp('printers', 22))).toEqual(['↔ tcp 22', 'begins', 'begins', 'tcp 22']);
  expect(limited()).toEqual(['nothing', 'none', 'none', 'nothing']);
  town.do({ type: 'UnlimitAssociation', cidrs });
  const whole = [...town.network.associations()];
  const [arc] = arcsOf(icicle(900), whole).arcs;
  expect(arc && arcLimit(town.network, arc, whole)).toBeUndefined();
  town.do({ type: 'IsolateCidr', cidr: 'guests' });
  const guests = inOrder(town.network).filter(({ name }) => name === 'guests');
  expect(matrixOf(town.network, guests).rows).toEqual([['isolated']]);
});
