/** The places of blocks and peers on the map: rows are depths of the tree, x is the order of addresses. */
import type { CidrId } from '../../values/id.ts';
import type { Plot } from './ground.ts';

export type Rect = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

export type Block = Rect & { readonly id: CidrId; readonly parentId: CidrId | null; readonly depth: number };

/** Where the peers of one block lie: row by row, each cell the next slot, or the next `perCell` slots. */
export type Bed = Rect & {
  readonly cidrId: CidrId;
  readonly columns: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly perCell: number;
  /** Cells are wide enough for names. */
  readonly isNamed: boolean;
};

export type Icicle = {
  readonly width: number;
  /** The lower edge of all beds. */
  readonly base: number;
  readonly rows: number;
  /** Outer before inner, left before right. */
  readonly blocks: readonly Block[];
  readonly beds: readonly Bed[];
  readonly blockOf: ReadonlyMap<CidrId, Block>;
  readonly bedOf: ReadonlyMap<CidrId, Bed>;
};

export const ROW = 24;
const MAX_GAP = 3;
/** Of a bed's width, on either side. */
const GAP_SHARE = 0.08;
const MIN_BED = 24;
/** Of the width, at most, that beds get however few are in them. */
const EQUAL_SHARE = 0.4;
/** Narrower, and the picture becomes wider than its window. */
const LEAST_BED = 6;
const NAMED = { width: 84, height: 30, maxWidth: 190 };
const DOT = { min: 3, legible: 7, max: 22 };
const MIN_SLOTS = 4;

/** Slots that a bed has place for: it doubles, so that most newcomers move nobody. */
export const capacityOf = (count: number): number => {
  let capacity = MIN_SLOTS;
  while (capacity < count) capacity *= 2;
  return capacity;
};

/** A bed in the order of the picture; blocks without children, and the own peers of others. */
type Strip = { readonly plot: Plot; readonly depth: number };

const isStrip = ({ addresses, children }: Plot): boolean => children.length === 0 || addresses.length > 0;

function* stripsOf(plots: readonly Plot[], depth = 0): Generator<Strip> {
  for (const plot of plots) {
    if (isStrip(plot)) yield { plot, depth };
    yield* stripsOf(plot.children, depth + 1);
  }
}

const depthOf = (plots: readonly Plot[]): number =>
  plots.reduce((deepest, { children }) => Math.max(deepest, 1 + depthOf(children)), 0);

const weightOf = ({ plot }: Strip): number => Math.sqrt(capacityOf(plot.addresses.length));

type Shape = Pick<Bed, 'columns' | 'cellWidth' | 'cellHeight' | 'perCell' | 'isNamed'>;

const named = (capacity: number, width: number, height: number): Shape | undefined => {
  const columns = Math.floor(width / NAMED.width);
  if (columns * Math.floor(height / NAMED.height) < capacity) return undefined;
  const cellWidth = Math.min(NAMED.maxWidth, Math.floor(width / columns));
  return { columns, cellWidth, cellHeight: NAMED.height, perCell: 1, isNamed: true };
};

/** The largest dots that fit, up to `most`; where even the smallest do not, one stands for several peers. */
const dotted = (capacity: number, width: number, height: number, most = DOT.max): Shape => {
  for (let perCell = 1; ; perCell *= 2) {
    for (let size = most; size >= DOT.min; size -= 1) {
      const columns = Math.floor(width / size);
      if (columns * Math.floor(height / size) * perCell >= capacity)
        return { columns, cellWidth: size, cellHeight: size, perCell, isNamed: false };
    }
  }
};

type Plan = {
  readonly strip: Strip;
  readonly capacity: number;
  readonly whole: number;
  readonly width: number;
};

/** Dots of all beds are as large as in the fullest one, but no speck because of it. */
const shapesOf = (plans: readonly Plan[], room: number): Shape[] => {
  const dots = (plan: Plan, most?: number): Shape =>
    dotted(plan.capacity, Math.max(plan.width, DOT.min), room, most);
  const inNames = plans.map((plan) => named(plan.capacity, plan.width, room));
  const sizes = plans.flatMap((plan, index) => (inNames[index] ? [] : [dots(plan).cellWidth]));
  const most = Math.max(
    DOT.legible,
    sizes.reduce((least, size) => Math.min(least, size), DOT.max),
  );
  return plans.map((plan, index) => inNames[index] ?? dots(plan, most));
};

const heightOf = ({ columns, cellHeight, perCell }: Shape, capacity: number): number =>
  Math.ceil(capacity / perCell / columns) * cellHeight;

const widthsOf = (strips: readonly Strip[], width: number): number[] => {
  const least = Math.min(MIN_BED, (EQUAL_SHARE * width) / strips.length);
  const rest = width - least * strips.length;
  const whole = strips.reduce((sum, strip) => sum + weightOf(strip), 0);
  return strips.map((strip) => least + (rest * weightOf(strip)) / whole);
};

/** `height` is what blocks and beds may take; the picture is wider than asked where beds would be too narrow. */
export const icicleOf = (plots: readonly Plot[], size: { width: number; height: number }): Icicle => {
  const strips = [...stripsOf(plots)];
  const width = Math.max(size.width, strips.length * LEAST_BED, LEAST_BED);
  const rows = depthOf(plots);
  const top = rows * ROW;
  const room = Math.max(size.height - top - 2 * MAX_GAP, DOT.min);
  const widths = widthsOf(strips, width);
  const plans = strips.map((strip, index) => {
    const whole = widths[index] ?? 0;
    const gap = Math.min(MAX_GAP, whole * GAP_SHARE);
    return { strip, capacity: capacityOf(strip.plot.addresses.length), whole, width: whole - 2 * gap };
  });
  const shapes = shapesOf(plans, room);
  const beds: Bed[] = [];
  const starts = new Map<Plot, { x: number; width: number }>();
  let x = 0;
  for (const [index, shape] of shapes.entries()) {
    const { strip, capacity, whole, width: inner } = plans[index] as Plan;
    const place = { x: x + (whole - inner) / 2, y: top + MAX_GAP, width: inner };
    beds.push({ cidrId: strip.plot.id, ...place, height: heightOf(shape, capacity), ...shape });
    starts.set(strip.plot, { x, width: whole });
    x += whole;
  }
  const blocks: Block[] = [];
  placeBlocks(plots, 0, { rows, starts, blocks });
  const base = top + 2 * MAX_GAP + beds.reduce((highest, { height }) => Math.max(highest, height), 0);
  return {
    width,
    base,
    rows,
    blocks,
    beds,
    blockOf: new Map(blocks.map((block) => [block.id, block])),
    bedOf: new Map(beds.map((bed) => [bed.cidrId, bed])),
  };
};

type Places = { rows: number; starts: ReadonlyMap<Plot, { x: number; width: number }>; blocks: Block[] };

/** A block spans its own bed and all within; one that holds no other reaches down to its bed. */
const placeBlocks = (plots: readonly Plot[], depth: number, places: Places): { x: number; end: number } => {
  let [left, right] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const plot of plots) {
    const at = places.blocks.length;
    const within = placeBlocks(plot.children, depth + 1, places);
    const own = places.starts.get(plot);
    const x = Math.min(within.x, own?.x ?? Number.POSITIVE_INFINITY);
    const end = Math.max(within.end, own ? own.x + own.width : Number.NEGATIVE_INFINITY);
    const height = (plot.children.length === 0 ? places.rows - depth : 1) * ROW;
    const { id, parentId } = plot;
    places.blocks.splice(at, 0, { id, parentId, depth, x, y: depth * ROW, width: end - x, height });
    [left, right] = [Math.min(left, x), Math.max(right, end)];
  }
  return { x: left, end: right };
};

/** The cell of a slot. */
export const cellOf = (bed: Bed, slot: number): Rect => {
  const cell = Math.floor(slot / bed.perCell);
  const { cellWidth: width, cellHeight: height } = bed;
  const [row, column] = [Math.floor(cell / bed.columns), cell % bed.columns];
  return { x: bed.x + column * width, y: bed.y + row * height, width, height };
};

const holds = (rect: Rect, x: number, y: number): boolean =>
  rect.x <= x && x < rect.x + rect.width && rect.y <= y && y < rect.y + rect.height;

/** The bed at a point and the first slot of the cell there. */
export const slotAt = (icicle: Icicle, x: number, y: number): { bed: Bed; slot: number } | undefined => {
  const bed = icicle.beds.find((each) => holds(each, x, y));
  if (!bed) return undefined;
  const column = Math.floor((x - bed.x) / bed.cellWidth);
  if (column >= bed.columns) return undefined;
  const row = Math.floor((y - bed.y) / bed.cellHeight);
  return { bed, slot: (row * bed.columns + column) * bed.perCell };
};

/** The innermost block whose bar, or whose bed's column, holds a point. */
export const blockAt = (icicle: Icicle, x: number, y: number): Block | undefined =>
  icicle.blocks.findLast((block) => holds(block, x, y)) ??
  (y < icicle.base
    ? icicle.blocks.findLast((block) => block.x <= x && x < block.x + block.width)
    : undefined);
