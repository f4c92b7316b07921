/** The list: everything of one peer in a row, with what can be done. */
import { useMemo, useState } from 'preact/hooks';
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import { isPlain, type Peer } from '../domain/peer.ts';
import { toNumber } from '../values/ip.ts';
import { PeerDeeds } from './deeds.tsx';
import { useWindow } from './hooks.ts';
import type { Page } from './page.ts';
import { type Scene, stateIn } from './scene.ts';
import { Sign } from './sign.tsx';
import { found } from './view.ts';
import { countText, STATE_WORDS, STATES, type State, spanText, waysText } from './words.ts';

const ROW_HEIGHT = 34;

type Line = { peer: Peer; cidr: string; state: State; ways: string; heard: string };

const COLUMNS = ['state', 'name', 'address', 'CIDR', 'tunnels', 'last heard'] as const;
type Column = (typeof COLUMNS)[number];

const ORDERS: { readonly [C in Column]: (left: Line, right: Line) => number } = {
  state: (left, right) => STATES.indexOf(left.state) - STATES.indexOf(right.state),
  name: (left, right) => left.peer.name.localeCompare(right.peer.name, 'en', { numeric: true }),
  address: (left, right) => (toNumber(left.peer.ip) < toNumber(right.peer.ip) ? -1 : 1),
  CIDR: (left, right) => left.cidr.localeCompare(right.cidr, 'en', { numeric: true }),
  tunnels: (left, right) => right.ways.localeCompare(left.ways, 'en', { numeric: true }),
  'last heard': (left, right) => right.heard.localeCompare(left.heard),
};

const holds = (words: string, { peer, cidr, state }: Line): boolean =>
  words.split(/\s+/).every((word) => `${peer.name} ${peer.ip} ${cidr} ${state}`.toLowerCase().includes(word));

const lineOf = (scene: Scene, network: Network, peer: Peer): Line => {
  const observed = scene.observed?.get(peer.id);
  const cidr = network.cidr(peer.cidrId)?.name ?? '';
  const ways = observed?.told ? waysText(observed.told) : '';
  return { peer, state: stateIn(scene, peer), cidr, ways, heard: observed?.seen ?? '' };
};

const linesOf = (scene: Scene, order: Column, words: string): Line[] =>
  [...scene.after.network.peers()]
    .map((peer) => lineOf(scene, scene.after.network, peer))
    .filter((line) => holds(words.trim().toLowerCase(), line))
    .sort(ORDERS[order]);

type RowProps = { page: Page; line: Line; isChosen: boolean; place: number };

const Row = ({ page, line, isChosen, place }: RowProps) => {
  const { peer, cidr, state, ways, heard } = line;
  const choose = (event: MouseEvent): void =>
    page.choose({ kind: 'peer', id: peer.id }, { also: event.shiftKey });
  return (
    <tr class={isChosen ? 'chosen' : ''} aria-rowindex={place} data-peer={peer.id} data-state={state}>
      <td>
        <Sign state={state} /> {STATE_WORDS[state]}
      </td>
      <td>
        <button type="button" class="link" onClick={choose}>
          {nameText(peer.name)}
        </button>
        {peer.isAdmin ? <span class="badge">admin</span> : null}
        {isPlain(peer) ? <span class="badge">phone</span> : null}
      </td>
      <td>{peer.ip}</td>
      <td>{nameText(cidr)}</td>
      <td>{ways || '–'}</td>
      <td>{heard ? `${spanText(Date.now() - Date.parse(heard))} ago` : '–'}</td>
      <td>
        <PeerDeeds page={page} peer={peer} />
      </td>
    </tr>
  );
};

const Spacer = ({ rows }: { rows: number }) => (
  <tr style={{ height: `${Math.max(0, rows) * ROW_HEIGHT}px` }}>
    <td colSpan={COLUMNS.length + 1} />
  </tr>
);

export const ListView = ({ page, scene }: { page: Page; scene: Scene }) => {
  const [order, setOrder] = useState<Column>('address');
  const words = found.value;
  const lines = useMemo(
    () => linesOf(scene, order, words),
    [scene.after, scene.observed, scene.ways, order, words],
  );
  const { ref, first, end } = useWindow(lines.length, ROW_HEIGHT);
  const chosen = scene.selection.filter(({ kind }) => kind === 'peer').map(({ id }) => id as number);
  return (
    <div class="list rows" ref={ref}>
      <table aria-label="peers" aria-rowcount={lines.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map((column) => (
              <th key={column} scope="col" aria-sort={column === order ? 'ascending' : 'none'}>
                <button type="button" class="link" onClick={() => setOrder(column)}>
                  {column}
                </button>
              </th>
            ))}
            <th scope="col">{countText(lines.length, 'peer')}</th>
          </tr>
        </thead>
        <tbody>
          <Spacer rows={first} />
          {lines.slice(first, end).map((line, index) => (
            <Row
              key={line.peer.id}
              page={page}
              line={line}
              place={first + index + 2}
              isChosen={chosen.includes(line.peer.id)}
            />
          ))}
          <Spacer rows={lines.length - end} />
        </tbody>
      </table>
    </div>
  );
};
