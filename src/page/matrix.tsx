/** The matrix: each CIDR with each other, and whether their peers can talk. */
import { useState } from 'preact/hooks';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import { mayBegin } from './map/limits.ts';
import { inhabited, matrixOf, type Relation } from './map/relations.ts';
import type { Page } from './page.ts';
import type { Scene } from './scene.ts';

const MAX_SIDE = 60;

const CELLS: { readonly [R in Relation]: { sign: string; word: string } } = {
  own: { sign: '■', word: 'the same' },
  server: { sign: '▪', word: 'server' },
  associated: { sign: '●', word: 'associated' },
  inherited: { sign: '○', word: 'inherited' },
  begins: { sign: '→', word: 'limited: the row may open some' },
  answers: { sign: '←', word: 'limited: only the column may open some' },
  isolated: { sign: '□', word: 'isolated from each other' },
  'one-way': { sign: '▸', word: 'seen, but cannot talk' },
  none: { sign: '', word: 'none' },
};

/** Others stand in the legend where they occur. */
const isUsual = (relation: string): boolean => !['begins', 'answers', 'isolated'].includes(relation);

const Pager = ({
  label,
  from,
  of,
  go,
}: {
  label: string;
  from: number;
  of: number;
  go: (to: number) => void;
}) => (
  <fieldset class="pager">
    <legend class="unseen">{label}</legend>
    {label} {from + 1}–{Math.min(of, from + MAX_SIDE)} of {of}{' '}
    <button type="button" disabled={from === 0} onClick={() => go(from - MAX_SIDE)}>
      ◂<span class="unseen">earlier {label}</span>
    </button>
    <button type="button" disabled={from + MAX_SIDE >= of} onClick={() => go(from + MAX_SIDE)}>
      ▸<span class="unseen">later {label}</span>
    </button>
  </fieldset>
);

type CellProps = {
  page: Page;
  network: Network;
  left: CidrNode;
  right: CidrNode;
  relation: Relation;
  isChosen: boolean;
  isEntry: boolean;
};

const MatrixCell = ({ page, network, left, right, relation, isChosen, isEntry }: CellProps) => {
  const { sign, word } = CELLS[relation];
  const limit = relation === 'begins' ? `: ${mayBegin(network, left.id, right.id)}` : '';
  const choose = (): void => {
    page.choose({ kind: 'cidr', id: left.id });
    if (left !== right) page.choose({ kind: 'cidr', id: right.id }, { also: true });
  };
  return (
    <td class={`${relation} ${isChosen ? 'chosen' : ''}`}>
      <button
        type="button"
        tabIndex={isEntry ? 0 : -1}
        title={`${left.name} – ${right.name}: ${word}${limit}`}
        onClick={choose}
      >
        {sign}
        <span class="unseen">
          {word}
          {limit}
        </span>
      </button>
    </td>
  );
};

const ARROWS: { readonly [key: string]: readonly [number, number] } = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

/** Arrows go from cell to cell; the browser's own keys press the one with the focus. */
const walk = (event: KeyboardEvent): void => {
  const [down, right] = ARROWS[event.key] ?? [];
  const cell = event.target instanceof Element ? event.target.closest('td') : null;
  const line = cell?.parentElement;
  if (down === undefined || right === undefined || !cell || !line) return;
  const at = [...line.children].indexOf(cell) + right;
  const next = down === 0 ? line : down < 0 ? line.previousElementSibling : line.nextElementSibling;
  next?.children[at]?.querySelector<HTMLElement>('button')?.focus();
  event.preventDefault();
};

/** Two pagers where there are more CIDRs than a table can hold. */
export const MatrixView = ({ page, scene }: { page: Page; scene: Scene }) => {
  const all = inhabited(scene.after.network);
  const [[down, right], setFrom] = useState<readonly [number, number]>([0, 0]);
  const rows = all.slice(down, down + MAX_SIDE);
  const columns = all.slice(right, right + MAX_SIDE);
  const matrix = matrixOf(scene.after.network, rows, columns);
  const relations = new Set<string>(matrix.rows.flat());
  const chosen = scene.selection.filter(({ kind }) => kind === 'cidr').map(({ id }) => id as number);
  return (
    <section class="matrix" aria-label="matrix of CIDRs" onKeyDown={walk}>
      {all.length > MAX_SIDE ? (
        <p>
          <Pager label="rows" from={down} of={all.length} go={(to) => setFrom([to, right])} />
          <Pager label="columns" from={right} of={all.length} go={(to) => setFrom([down, to])} />
        </p>
      ) : null}
      <table>
        <caption class="unseen">which CIDRs can talk with which</caption>
        <thead>
          <tr>
            <td class="corner" />
            {columns.map((node) => (
              <th key={node.id} scope="col">
                <span>{nameText(node.name)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((left, row) => (
            <tr key={left.id}>
              <th scope="row">{nameText(left.name)}</th>
              {columns.map((right, column) => (
                <MatrixCell
                  key={right.id}
                  page={page}
                  network={scene.after.network}
                  left={left}
                  right={right}
                  relation={matrix.rows[row]?.[column] ?? 'none'}
                  isEntry={row === 0 && column === 0}
                  isChosen={chosen.includes(left.id) && chosen.includes(right.id)}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <ul class="legend">
        {Object.entries(CELLS)
          .filter(([relation]) => isUsual(relation) || relations.has(relation))
          .map(([relation, { sign, word }]) => (
            <li key={relation}>
              <span class={`sample ${relation}`}>{sign}</span> {word}
            </li>
          ))}
      </ul>
    </section>
  );
};
