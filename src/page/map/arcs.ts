/** The arcs under the map: which blocks are associated, drawn from block to block, narrow ones from the block around. */
import type { Association } from '../../domain/association-graph.ts';
import type { CidrId } from '../../values/id.ts';
import { type Block, type Icicle, ROW } from './icicle.ts';

/** Where an arc leaves a block: each arc has a slice of its own. */
type End = { readonly x: number; readonly width: number };

/** Associations between two blocks or between blocks within them; `from` is the left one. */
export type Arc = {
  readonly from: Block;
  readonly to: Block;
  readonly ids: readonly Association['id'][];
  readonly ends: readonly [End, End];
};

export type Arcs = {
  readonly arcs: readonly Arc[];
  /** Associations between blocks within one that is too narrow to show them. */
  readonly hidden: readonly { readonly block: Block; readonly count: number }[];
};

/** Narrower blocks share the arcs of the block around them. */
const MIN_ANCHOR = 14;
const FOOT = 6;
const STEP = 7;
const LEAST_HANG = 26;
/** Of its span: how low an arc hangs at most. */
const ROUNDNESS = 0.4;

const middleOf = ({ x, width }: Block): number => x + width / 2;

const wideEnough = (icicle: Icicle, id: CidrId): Block | undefined => {
  let block = icicle.blockOf.get(id);
  while (block && block.width < MIN_ANCHOR && block.parentId !== null) {
    const around = icicle.blockOf.get(block.parentId);
    if (!around) break;
    block = around;
  }
  return block;
};

export const arcsOf = (icicle: Icicle, associations: Iterable<Association>): Arcs => {
  const arcs = new Map<string, { from: Block; to: Block; ids: Association['id'][] }>();
  const hidden = new Map<Block, number>();
  for (const { id, cidrIds } of associations) {
    const [one, other] = [wideEnough(icicle, cidrIds[0]), wideEnough(icicle, cidrIds[1])];
    if (!one || !other) continue;
    if (one === other) {
      hidden.set(one, (hidden.get(one) ?? 0) + 1);
      continue;
    }
    const [from, to] = one.x + one.width / 2 <= other.x + other.width / 2 ? [one, other] : [other, one];
    const key = `${from.id} ${to.id}`;
    const known = arcs.get(key);
    if (known) known.ids.push(id);
    else arcs.set(key, { from, to, ids: [id] });
  }
  return {
    arcs: sliced([...arcs.values()]),
    hidden: [...hidden].map(([block, count]) => ({ block, count })),
  };
};

type Bare = Omit<Arc, 'ends'>;

const MAX_SLICE = 44;
const SLICE_GAP = 4;

/** From left to right: what goes left, the near first, then what goes right, the far first; so arcs nest and seldom cross. */
const ordered = (block: Block, arcs: readonly Bare[]): Bare[] => {
  const side = ({ from, to }: Bare): number => middleOf(from === block ? to : from) - middleOf(block);
  const [left, right] = [arcs.filter((arc) => side(arc) < 0), arcs.filter((arc) => side(arc) >= 0)];
  const farFirst = (one: Bare, other: Bare): number => Math.abs(side(other)) - Math.abs(side(one));
  return [...left.sort((one, other) => farFirst(other, one)), ...right.sort(farFirst)];
};

const sliced = (bare: readonly Bare[]): Arc[] => {
  const ofBlock = new Map<Block, Bare[]>();
  for (const arc of bare)
    for (const block of [arc.from, arc.to]) ofBlock.set(block, [...(ofBlock.get(block) ?? []), arc]);
  const ends = new Map<Bare, { [id: number]: End }>();
  for (const [block, arcs] of ofBlock) {
    const step = Math.min(MAX_SLICE + SLICE_GAP, block.width / arcs.length);
    const start = middleOf(block) - (step * (arcs.length - 1)) / 2;
    for (const [index, arc] of ordered(block, arcs).entries()) {
      const width = Math.max(1, Math.min(MAX_SLICE, step - SLICE_GAP));
      ends.set(arc, { ...ends.get(arc), [block.id]: { x: start + step * index, width } });
    }
  }
  const endOf = (arc: Bare, block: Block): End =>
    ends.get(arc)?.[block.id] ?? { x: middleOf(block), width: 1 };
  return bare.map((arc) => ({ ...arc, ends: [endOf(arc, arc.from), endOf(arc, arc.to)] }));
};

/** Below the bed of a block that holds no other, and lower for each row around it. */
const feetOf = (icicle: Icicle, { depth, y, height }: Block): number => {
  const below = icicle.rows - Math.round((y + height) / ROW);
  return icicle.base + FOOT + below * STEP + (depth === 0 ? STEP : 0);
};

export type Curve = {
  /** Under each of the two blocks: where the arc begins and ends. */
  readonly feet: readonly [number, number];
  /** How low its ends pull it; it comes three quarters of the way. */
  readonly pull: number;
  readonly bottom: number;
};

/** The wider an arc spans, the lower it hangs, within `room` below the beds. */
export const curveOf = (icicle: Icicle, { from, to }: Arc, room: number): Curve => {
  const feet = [feetOf(icicle, from), feetOf(icicle, to)] as const;
  const span = Math.abs(middleOf(to) - middleOf(from));
  const top = Math.max(...feet);
  const most = Math.max(0, room - (top - icicle.base) - LEAST_HANG) * Math.sqrt(span / icicle.width);
  const hang = LEAST_HANG + Math.min(most, span * ROUNDNESS);
  return { feet, pull: top + hang / 0.75, bottom: top + hang };
};

/** The line along the middle of an arc, as an SVG path. */
export const lineOf = ({ ends: [left, right] }: Arc, { feet, pull }: Curve): string =>
  `M${left.x} ${feet[0]}C${left.x} ${pull} ${right.x} ${pull} ${right.x} ${feet[1]}`;

/** The outline of its ribbon. */
export const ribbonOf = ({ ends: [left, right] }: Arc, { feet, pull }: Curve): string => {
  const [a, b, c, d] = [
    left.x - left.width / 2,
    left.x + left.width / 2,
    right.x - right.width / 2,
    right.x + right.width / 2,
  ];
  const [outer, inner] = [pull + MAX_SLICE / 4, pull - MAX_SLICE / 4];
  return `M${a} ${feet[0]}C${a} ${outer} ${d} ${outer} ${d} ${feet[1]}H${c}C${c} ${inner} ${b} ${inner} ${b} ${feet[0]}Z`;
};
