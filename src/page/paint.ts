/** Paints the peers of the map on a canvas: each state has a shape and a colour, however small. */
import type { CidrId, PeerId } from '../values/id.ts';
import { type Bed, cellOf, type Icicle, type Rect } from './map/icicle.ts';
import type { Mark } from './map/marks.ts';
import { STATES, type State } from './words.ts';

export type Cell = {
  readonly id: PeerId;
  readonly bed: Bed;
  readonly slot: number;
  readonly state: State;
  readonly name: string;
  readonly isFaint: boolean;
  readonly isChosen: boolean;
  readonly mark: Mark | undefined;
};

/** Colours by name, from the style sheet. */
export type Inks = { readonly [S in State]: string } & {
  readonly ink: string;
  readonly paper: string;
  readonly line: string;
  readonly block: string;
  readonly lit: string;
  readonly gained: string;
  readonly lost: string;
  readonly chosen: string;
};

const FAINT = 0.16;
const TURN = 2 * Math.PI;

type Brush = CanvasRenderingContext2D;

type Dot = { x: number; y: number; radius: number };

const ring = (brush: Brush, { x, y, radius }: Dot): void => {
  brush.beginPath();
  brush.arc(x, y, radius, 0, TURN);
};

/** A shape for each state, to be told apart without colour. */
const SHAPES: { readonly [S in State]: (brush: Brush, dot: Dot) => void } = {
  direct: (brush, dot) => {
    ring(brush, dot);
    brush.fill();
  },
  joined: (brush, dot) => {
    ring(brush, dot);
    brush.fill();
  },
  relayed: (brush, dot) => {
    const { x, y, radius } = dot;
    ring(brush, { ...dot, radius: radius - brush.lineWidth / 2 });
    brush.stroke();
    brush.beginPath();
    brush.arc(x, y, radius, TURN / 4, (3 * TURN) / 4);
    brush.fill();
  },
  silent: (brush, dot) => {
    ring(brush, { ...dot, radius: dot.radius - brush.lineWidth / 2 });
    brush.stroke();
  },
  disabled: (brush, { x, y, radius }) => {
    const arm = radius * 0.8;
    brush.beginPath();
    brush.moveTo(x - arm, y - arm);
    brush.lineTo(x + arm, y + arm);
    brush.moveTo(x + arm, y - arm);
    brush.lineTo(x - arm, y + arm);
    brush.stroke();
  },
  invited: (brush, { x, y, radius }) => {
    const step = TURN / 6;
    for (let part = 0; part < 6; part += 1) {
      brush.beginPath();
      brush.arc(x, y, radius - brush.lineWidth / 2, part * step, (part + 0.55) * step);
      brush.stroke();
    }
  },
};

/** Too small for circles: the same signs in squares. */
const SPECKS: { readonly [S in State]: (brush: Brush, x: number, y: number, size: number) => void } = {
  direct: (brush, x, y, size) => brush.fillRect(x, y, size, size),
  joined: (brush, x, y, size) => brush.fillRect(x, y, size, size),
  relayed: (brush, x, y, size) => {
    brush.fillRect(x, y, size / 2, size);
    brush.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
  },
  silent: (brush, x, y, size) => brush.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1),
  disabled: (brush, x, y, size) => {
    brush.beginPath();
    brush.moveTo(x, y);
    brush.lineTo(x + size, y + size);
    brush.moveTo(x + size, y);
    brush.lineTo(x, y + size);
    brush.stroke();
  },
  invited: (brush, x, y, size) => {
    const third = Math.max(1, size / 3);
    for (const [dx, dy] of [
      [0, 0],
      [size - third, 0],
      [0, size - third],
      [size - third, size - third],
    ] as const)
      brush.fillRect(x + dx, y + dy, third, third);
  },
};

const SPECK_BELOW = 9;
/** Smaller ones touch each other. */
const LEAST_GAPPED = 4;

/** The sign of a state, as in the legend. */
const paintState = (brush: Brush, state: State, dot: Dot, inks: Inks): void => {
  brush.fillStyle = inks[state];
  brush.strokeStyle = inks[state];
  brush.lineWidth = Math.max(1.5, dot.radius / 3.2);
  SHAPES[state](brush, dot);
};

/** Several peers to a cell: as dark as it is full, in the colour of the state that most have. */
const paintCrowds = (brush: Brush, cells: readonly Cell[], inks: Inks): void => {
  const crowds = new Map<string, { place: Rect; perCell: number; cells: Cell[] }>();
  for (const cell of cells) {
    const place = cellOf(cell.bed, cell.slot);
    const key = `${place.x} ${place.y}`;
    const crowd = crowds.get(key) ?? { place, perCell: cell.bed.perCell, cells: [] };
    crowds.set(key, crowd);
    crowd.cells.push(cell);
  }
  for (const { place, perCell, cells: crowd } of crowds.values()) {
    const count = (state: State): number => crowd.filter((cell) => cell.state === state).length;
    const state = STATES.reduce((most, each) => (count(each) > count(most) ? each : most));
    const isFaint = crowd.every((cell) => cell.isFaint);
    brush.globalAlpha = (isFaint ? FAINT : 1) * (0.25 + (0.75 * crowd.length) / perCell);
    brush.fillStyle = inks[state];
    brush.fillRect(place.x, place.y, place.width, place.height);
  }
  brush.globalAlpha = 1;
};

const cutTo = (brush: Brush, text: string, width: number): string => {
  if (brush.measureText(text).width <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (brush.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
};

const paintNamed = (brush: Brush, cell: Cell, place: Rect, inks: Inks): void => {
  const { x, y, width, height } = place;
  brush.beginPath();
  brush.roundRect(x + 2, y + 2, width - 4, height - 4, 5);
  brush.fillStyle = inks.paper;
  brush.fill();
  brush.strokeStyle = inks.line;
  brush.lineWidth = 1;
  brush.stroke();
  paintState(brush, cell.state, { x: x + 15, y: y + height / 2, radius: 6 }, inks);
  brush.fillStyle = inks.ink;
  brush.fillText(cutTo(brush, cell.name, width - 34), x + 27, y + height / 2 + 0.5);
};

const paintCell = (brush: Brush, cell: Cell, inks: Inks): void => {
  const place = cellOf(cell.bed, cell.slot);
  const size = place.width;
  if (cell.bed.isNamed) paintNamed(brush, cell, place, inks);
  else if (size >= SPECK_BELOW)
    paintState(
      brush,
      cell.state,
      { x: place.x + size / 2, y: place.y + size / 2, radius: size / 2 - 1.5 },
      inks,
    );
  else {
    brush.fillStyle = inks[cell.state];
    brush.strokeStyle = inks[cell.state];
    brush.lineWidth = 1;
    SPECKS[cell.state](brush, place.x, place.y, size > LEAST_GAPPED ? size - 1 : size);
  }
};

/** A plus or a minus over the cell, on a plate of its colour. */
const paintMark = (brush: Brush, { bed, slot, mark }: Cell, inks: Inks): void => {
  if (mark === undefined || mark === 'touched') return;
  const place = cellOf(bed, slot);
  const radius = Math.max(3, Math.min(8, place.height / 2 - 1));
  const x = bed.isNamed ? place.x + place.width - radius - 5 : place.x + place.width / 2;
  const y = place.y + place.height / 2;
  brush.fillStyle = mark === 'lost' ? inks.lost : inks.gained;
  ring(brush, { x, y, radius });
  brush.fill();
  const arm = radius * 0.6;
  brush.strokeStyle = inks.paper;
  brush.lineWidth = Math.max(1, radius / 4);
  brush.beginPath();
  brush.moveTo(x - arm, y);
  brush.lineTo(x + arm, y);
  if (mark !== 'lost') {
    brush.moveTo(x, y - arm);
    brush.lineTo(x, y + arm);
  }
  brush.stroke();
};

const paintChosen = (brush: Brush, { bed, slot }: Cell, inks: Inks): void => {
  const { x, y, width, height } = cellOf(bed, slot);
  brush.strokeStyle = inks.chosen;
  brush.lineWidth = 2.5;
  brush.beginPath();
  const out = bed.isNamed ? -1 : 2;
  brush.roundRect(x - out, y - out, width + 2 * out, height + 2 * out, 5);
  brush.stroke();
};

/** A plate under each bed, from its block down to where its arcs begin; lit where something within is. */
const paintPlates = (
  brush: Brush,
  { beds, base }: Pick<Icicle, 'beds' | 'base'>,
  { inks, lit }: { inks: Inks; lit: ReadonlySet<CidrId> | undefined },
): void => {
  for (const { cidrId, x, y, width } of beds) {
    if (lit && !lit.has(cidrId)) continue;
    brush.globalAlpha = lit ? 1 : 0.5;
    brush.fillStyle = lit ? inks.lit : inks.block;
    brush.fillRect(x, y - 1, width, base - y + 1);
  }
  brush.globalAlpha = 1;
};

type Painting = {
  inks: Inks;
  ratio: number;
  font: string;
  /** Undefined: nothing is chosen. */
  lit: ReadonlySet<CidrId> | undefined;
};

/** Paints all cells on a clean canvas; `ratio` is how many of its pixels make one of the page's. */
export const paintCells = (
  canvas: HTMLCanvasElement,
  cells: readonly Cell[],
  icicle: Pick<Icicle, 'width' | 'base' | 'beds'>,
  { inks, ratio, font, lit }: Painting,
): void => {
  const [width, height] = [Math.ceil(icicle.width * ratio), Math.ceil(icicle.base * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const brush = canvas.getContext('2d');
  if (!brush) return;
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, icicle.width, icicle.base);
  paintPlates(brush, icicle, { inks, lit });
  brush.font = font;
  brush.textBaseline = 'middle';
  paintCrowds(
    brush,
    cells.filter(({ bed }) => bed.perCell > 1),
    inks,
  );
  for (const cell of cells) {
    if (cell.bed.perCell > 1) continue;
    brush.globalAlpha = cell.isFaint ? FAINT : 1;
    paintCell(brush, cell, inks);
  }
  brush.globalAlpha = 1;
  for (const cell of cells) paintMark(brush, cell, inks);
  for (const cell of cells) if (cell.isChosen) paintChosen(brush, cell, inks);
};
