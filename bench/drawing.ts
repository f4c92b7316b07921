/** Curves as SVG: small panels with one axis of powers of ten, readable on light and on dark pages. */
import { COSTS, type Cost, type Growth } from './curves.ts';

const PANEL = { width: 270, height: 150, left: 46, right: 12, top: 34, bottom: 30 };
const STYLE = `<style>
text { font: 11px system-ui, sans-serif; fill: #1f2328; } .title { font-weight: 600; } .quiet { fill: #59636e; }
.page { fill: #ffffff; } .grid { stroke: #d1d9e0; } .line { stroke: #0969da; fill: none; stroke-width: 2; } .dot { fill: #0969da; }
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc; } .quiet { fill: #9198a1; } .page { fill: #0d1117; }
.grid { stroke: #3d444d; } .line { stroke: #4493f8; } .dot { fill: #4493f8; } }
</style>`;

type Dot = readonly [x: number, y: number];

const short = (value: number): string =>
  value >= 1e6
    ? `${value / 1e6} M`
    : value >= 1e4
      ? `${Math.round(value / 1e3)} k`
      : `${Number(value.toPrecision(3))}`;

/** The next round number, for the end of an axis. */
const roundUp = (value: number): number => {
  const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return ([1, 2, 5, 10].find((step) => step * unit >= value) ?? 10) * unit;
};

const panel = (title: string, dots: readonly Dot[], { logarithmic }: { logarithmic: boolean }): string => {
  const { width, height, left, right, top, bottom } = PANEL;
  const scale = (x: number): number => (logarithmic ? Math.log10(Math.max(x, 1)) : x);
  const xs = dots.map(([x]) => scale(x));
  const [from, to] = [Math.min(...xs), Math.max(...xs)];
  const most = roundUp(Math.max(...dots.map(([, y]) => y)));
  const x = (value: number): number =>
    left + ((scale(value) - from) / (to - from || 1)) * (width - left - right);
  const y = (value: number): number => height - bottom - (value / most) * (height - top - bottom);
  const at = ([dx, dy]: Dot): string => `${x(dx).toFixed(1)},${y(dy).toFixed(1)}`;
  const grid = [0, most / 2, most].map(
    (value) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/>` +
      `<text class="quiet" x="${left - 5}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`,
  );
  const marked = logarithmic ? dots : [dots[0], dots.at(-1)].filter((dot) => dot !== undefined);
  const marks = marked.map(
    ([value]) =>
      `<text class="quiet" x="${x(value).toFixed(1)}" y="${height - 12}" text-anchor="middle">${short(value)}</text>`,
  );
  const circles =
    dots.length > 20
      ? []
      : dots.map((dot) => `<circle class="dot" cx="${at(dot).replace(',', '" cy="')}" r="3"/>`);
  return [
    `<text class="title" x="8" y="18">${title}</text>`,
    ...grid,
    ...marks,
    `<polyline class="line" points="${dots.map(at).join(' ')}"/>`,
    ...circles,
  ].join('\n');
};

const page = (title: string, panels: readonly string[], columns: number): string => {
  const rows = Math.ceil(panels.length / columns);
  const [width, height] = [columns * PANEL.width + 16, rows * PANEL.height + 36];
  const placed = panels.map(
    (text, index) =>
      `<g transform="translate(${8 + (index % columns) * PANEL.width} ${30 + Math.floor(index / columns) * PANEL.height})">${text}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
${STYLE}
<rect class="page" width="${width}" height="${height}"/>
<text class="title" x="16" y="22">${title}</text>
${placed.join('\n')}
</svg>
`;
};

/** One page for a dimension: a panel for each cost. */
export const growthPage = ({ what, points }: Growth): string =>
  page(
    `over ${what}`,
    (Object.keys(COSTS) as Cost[]).map((cost) =>
      panel(
        COSTS[cost],
        points.map((point): Dot => [point.at, point[cost]]),
        { logarithmic: true },
      ),
    ),
    3,
  );

/** One page with a single curve over time. */
export const timePage = (title: string, axis: string, dots: readonly Dot[]): string =>
  page(title, [panel(axis, dots, { logarithmic: false })], 1);
