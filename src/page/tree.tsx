/** The network as a tree of words: what the map shows, for keys and for screen readers. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import type { Peer } from '../domain/peer.ts';
import type { CidrId } from '../values/id.ts';
import { toNumber } from '../values/ip.ts';
import { useWindow } from './hooks.ts';
import { inOrder } from './map/relations.ts';
import type { Page, Thing } from './page.ts';
import { type Scene, stateIn } from './scene.ts';
import { Sign } from './sign.tsx';
import { top } from './view.ts';
import { countText, STATE_WORDS, type State } from './words.ts';

const ROW_HEIGHT = 26;

type Item = { level: number; place: number; of: number } & (
  | { kind: 'cidr'; node: CidrNode; isOpen: boolean | undefined }
  | { kind: 'peer'; peer: Peer }
);

const byAddress = (left: Peer, right: Peer): number => (toNumber(left.ip) < toNumber(right.ip) ? -1 : 1);

const levelOf = (network: Network, { parentId }: CidrNode): number => {
  const parent = parentId === null ? undefined : network.cidr(parentId);
  return parent ? levelOf(network, parent) + 1 : 1;
};

/** Rows of the tree, those within closed blocks left out. */
const itemsOf = (network: Network, closed: ReadonlySet<CidrId>): Item[] => {
  const items: Item[] = [];
  const nodes = inOrder(network);
  const siblings = new Map<CidrId | null, number>();
  const hidden = new Set<CidrId>();
  for (const node of nodes) {
    const { parentId, id } = node;
    if (parentId !== null && (hidden.has(parentId) || closed.has(parentId))) {
      hidden.add(id);
      continue;
    }
    const peers = closed.has(id) ? [] : [...network.peersIn(id)].sort(byAddress);
    const level = levelOf(network, node);
    const place = (siblings.get(parentId) ?? 0) + 1;
    siblings.set(parentId, place);
    const isOpen = network.holdsPeers(id) || network.hasChildren(id) ? !closed.has(id) : undefined;
    items.push({ kind: 'cidr', node, isOpen, level, place, of: 0 });
    const of = peers.length;
    for (const [at, peer] of peers.entries())
      items.push({ kind: 'peer', peer, level: level + 1, place: at + 1, of });
  }
  return items;
};

const thingOf = (item: Item): Thing =>
  item.kind === 'peer' ? { kind: 'peer', id: item.peer.id } : { kind: 'cidr', id: item.node.id };

const keyOf = (item: Item): string =>
  item.kind === 'peer' ? `peer-${item.peer.id}` : `cidr-${item.node.id}`;

const partnersOf = (network: Network, id: CidrId): string => {
  const names = [...network.associatedWith(id)].flatMap((other) => network.cidr(other)?.name ?? []);
  return names.length === 0 ? '' : `, associated with ${names.map(nameText).join(', ')}`;
};

const CidrRow = ({ node, network }: { node: CidrNode; network: Network }) => {
  const count = [...network.peersIn(node.id)].length;
  return (
    <>
      <b>{nameText(node.name)}</b> <span class="dim block-text">{node.cidr}</span>
      {count > 0 ? <span class="count">{count.toLocaleString('en')}</span> : null}
      <span class="unseen">
        {countText(count, 'peer')}
        {partnersOf(network, node.id)}
      </span>
    </>
  );
};

const PeerRow = ({ peer, state }: { peer: Peer; state: State }) => (
  <>
    <Sign state={state} /> {nameText(peer.name)} <span class="dim">{peer.ip}</span>
    <span class="unseen">
      , {STATE_WORDS[state]}
      {peer.isAdmin ? ', admin' : ''}
    </span>
  </>
);

/** Open at first if all of it can be read at once. */
const MAX_OPEN = 60;

const closedAtFirst = (network: Network): ReadonlySet<CidrId> =>
  network.peerCount <= MAX_OPEN
    ? new Set()
    : new Set([...network.cidrs()].filter(({ id }) => network.holdsPeers(id)).map(({ id }) => id));

const isSame = (one: Thing | undefined, other: Thing): boolean =>
  one?.kind === other.kind && one.id === other.id;

export const Tree = ({ page, scene }: { page: Page; scene: Scene }) => {
  const { network } = scene.after;
  const [closed, setClosed] = useState(() => closedAtFirst(network));
  const items = useMemo(() => itemsOf(network, closed), [network, closed, scene.after]);
  const [at, setAt] = useState(0);
  const row = Math.min(at, items.length - 1);
  const { ref, first, end, show } = useWindow(items.length, ROW_HEIGHT);
  const [chosen] = scene.selection;

  // What was chosen elsewhere is shown here; what was chosen here is here already.
  const own = useRef<Thing>(undefined);
  useEffect(() => {
    if (!chosen || (own.current && isSame(own.current, chosen))) return;
    const found = items.findIndex((item) => isSame(chosen, thingOf(item)));
    if (found >= 0) {
      setAt(found);
      show(found);
    }
  }, [chosen]);

  const choose = (item: Item, also: boolean): void => {
    if (!also) own.current = thingOf(item);
    page.choose(thingOf(item), { also });
  };
  const go = (to: number): void => {
    const next = Math.max(0, Math.min(items.length - 1, to));
    setAt(next);
    show(next);
  };
  const turn = (id: CidrId, isClosed: boolean): void =>
    setClosed(new Set(isClosed ? [...closed, id] : [...closed].filter((each) => each !== id)));
  const item = items[row];
  const outwards = (): void => {
    if (item?.kind === 'cidr' && item.isOpen) turn(item.node.id, true);
    else go(items.findLastIndex((each, index) => index < row && each.level < (item?.level ?? 0)));
  };
  const inwards = (): void => {
    if (item?.kind === 'cidr' && item.isOpen === false) turn(item.node.id, false);
    else go(row + 1);
  };
  const pageRows = Math.max(1, Math.floor((ref.current?.clientHeight ?? 300) / ROW_HEIGHT) - 1);
  const zoom = (): void => {
    if (item?.kind === 'cidr') top.value = top.value === item.node.id ? undefined : item.node.id;
  };
  const keys: { [key: string]: (event: KeyboardEvent) => void } = {
    ArrowDown: () => go(row + 1),
    ArrowUp: () => go(row - 1),
    PageDown: () => go(row + pageRows),
    PageUp: () => go(row - pageRows),
    Home: () => go(0),
    End: () => go(items.length - 1),
    ArrowLeft: outwards,
    ArrowRight: inwards,
    Enter: (event) => item && choose(item, event.shiftKey),
    ' ': (event) => item && choose(item, event.shiftKey),
    z: zoom,
  };
  const press = (event: KeyboardEvent): void => {
    const act = event.altKey || event.ctrlKey || event.metaKey ? undefined : keys[event.key];
    if (!act) return;
    act(event);
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="tree rows"
      ref={ref}
      role="tree"
      aria-multiselectable="true"
      tabIndex={0}
      aria-label="CIDRs and peers"
      aria-activedescendant={item ? keyOf(item) : undefined}
      onKeyDown={press}
    >
      <div role="none" style={{ height: `${first * ROW_HEIGHT}px` }} />
      {items.slice(first, end).map((each, index) => (
        <TreeRow
          key={keyOf(each)}
          item={each}
          scene={scene}
          isHere={first + index === row}
          choose={(also) => {
            setAt(first + index);
            if (each.kind === 'cidr' && isSame(chosen, thingOf(each)) && !also)
              turn(each.node.id, each.isOpen === true);
            choose(each, also);
          }}
        />
      ))}
      <div role="none" style={{ height: `${(items.length - end) * ROW_HEIGHT}px` }} />
    </div>
  );
};

type TreeRowProps = { item: Item; scene: Scene; isHere: boolean; choose: (also: boolean) => void };

const TreeRow = ({ item, scene, isHere, choose }: TreeRowProps) => {
  const isChosen = scene.selection.some((thing) => isSame(thing, thingOf(item)));
  const state = item.kind === 'peer' ? stateIn(scene, item.peer) : undefined;
  return (
    <div
      id={keyOf(item)}
      class={`row level-${Math.min(item.level, 8)} ${isHere ? 'here' : ''} ${isChosen ? 'chosen' : ''}`}
      role="treeitem"
      tabIndex={-1}
      aria-level={item.level}
      aria-posinset={item.place}
      aria-setsize={item.of || -1}
      aria-selected={isChosen}
      aria-expanded={item.kind === 'cidr' ? item.isOpen : undefined}
      data-cidr={item.kind === 'cidr' ? item.node.id : undefined}
      data-peer={item.kind === 'peer' ? item.peer.id : undefined}
      data-state={state}
      onClick={(event) => choose(event.shiftKey || event.ctrlKey || event.metaKey)}
      onKeyDown={undefined}
    >
      {item.kind === 'cidr' ? <CidrRow node={item.node} network={scene.after.network} /> : null}
      {item.kind === 'peer' && state ? <PeerRow peer={item.peer} state={state} /> : null}
    </div>
  );
};
