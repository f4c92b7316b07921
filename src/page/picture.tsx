/** The picture of the network: blocks from left to right by address, peers as cells in them, arcs where groups may talk. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import { type AssociationId, type CidrId, SERVER_CIDR } from '../values/id.ts';
import { type Size, useInks, useSize } from './hooks.ts';
import { type Arc, arcsOf, type Curve, curveOf, lineOf, ribbonOf } from './map/arcs.ts';
import { Ground } from './map/ground.ts';
import { type Block, blockAt, type Icicle, icicleOf, slotAt } from './map/icicle.ts';
import { type ArcLimit, arcLimit, limitText } from './map/limits.ts';
import type { Page, Thing } from './page.ts';
import { paintCells } from './paint.ts';
import { cellsOf, concerned, joined, litBeds, litBlocks, type Scene, stateIn } from './scene.ts';
import { top } from './view.ts';
import { countText, STATE_WORDS } from './words.ts';

/** The part of the height that arcs may take. */
const ARC_SHARE = 0.33;
/** Widths of an average letter of a block's name, and of a narrow one's. */
const LETTER = 7.4;
const SMALL_LETTER = 6.5;

const fits = (text: string, width: number, letter: number): boolean => text.length * letter <= width - 10;

/** The whole name, or what tells it from its siblings, or its beginning. */
const labelOf = (name: string, around: string, width: number): { label: string; isSmall: boolean } => {
  if (fits(name, width, LETTER)) return { label: name, isSmall: false };
  if (fits(name, width, SMALL_LETTER)) return { label: name, isSmall: true };
  const rest = name.startsWith(around) ? `…${name.slice(around.length)}` : '';
  if (rest.length > 1 && rest.length < name.length && fits(rest, width, SMALL_LETTER))
    return { label: rest, isSmall: true };
  const letters = Math.floor((width - 10) / SMALL_LETTER);
  return { label: letters < 3 ? '' : `${name.slice(0, letters - 1)}…`, isSmall: true };
};

type BarProps = { block: Block; network: Network; isLit: boolean; isChosen: boolean };

const BlockBar = ({ block, network, isLit, isChosen }: BarProps) => {
  const node = network.cidr(block.id);
  if (!node) return null;
  const name = nameText(node.name);
  const around = node.parentId === null ? undefined : network.cidr(node.parentId);
  const { label, isSmall } = labelOf(
    name,
    node.id === SERVER_CIDR ? 'innernet-' : (around?.name ?? ''),
    block.width,
  );
  const room = block.width - 20 - label.length * LETTER;
  return (
    <g class={`block ${isLit ? '' : 'faint'} ${isChosen ? 'chosen' : ''}`}>
      <rect
        x={block.x + 1}
        y={block.y + 1}
        width={Math.max(1, block.width - 2)}
        height={block.height - 2}
        rx="3"
      />
      <text class={isSmall ? 'small' : ''} x={block.x + 6} y={block.y + 16}>
        {label}
        {label === name && room > node.cidr.length * LETTER ? (
          <tspan class="cidr" dx="8">
            {node.cidr}
          </tspan>
        ) : null}
      </text>
    </g>
  );
};

type Drawn = {
  arc: Arc;
  curve: Curve;
  look: 'plain' | 'lit' | 'faint' | 'came' | 'went';
  limit: ArcLimit | undefined;
};

/** As many as the style sheet has for arcs. */
const HUES = 6;

const SIGNS: { readonly [L in Drawn['look']]: string } = {
  plain: '',
  lit: '',
  faint: '',
  came: '+',
  went: '−',
};

/** At the ends towards which something may be begun. */
const arrows = ({ ends }: Arc, { feet: [left, right] }: Curve, { toRight, toLeft }: ArcLimit): string => {
  const head = (x: number, y: number): string => `M${x - 6} ${y + 11}L${x} ${y + 2}L${x + 6} ${y + 11}z`;
  return [
    ...(toRight === undefined ? [] : [head(ends[1].x, right)]),
    ...(toLeft === undefined ? [] : [head(ends[0].x, left)]),
  ].join('');
};

const ArcShape = ({ arc, curve, look, limit }: Drawn) => (
  <g
    class={`arc ${look} ${limit ? 'limited' : ''} hue-${Number(arc.ids[0]) % HUES}`}
    data-association={Number(arc.ids[0])}
  >
    <path class="ribbon" d={ribbonOf(arc, curve)} />
    <path class="feet" d={feet(arc, curve)} />
    <path class="line" d={lineOf(arc, curve)} />
    {limit ? (
      <>
        <path class="arrows" d={arrows(arc, curve, limit)} />
        <text class="limit" x={(arc.ends[0].x + arc.ends[1].x) / 2} y={curve.bottom - 12}>
          {limitText(limit)}
        </text>
      </>
    ) : null}
    {arc.ids.length > 1 || look === 'came' || look === 'went' ? (
      <text x={(arc.ends[0].x + arc.ends[1].x) / 2} y={curve.bottom + 5}>
        {SIGNS[look]}
        {arc.ids.length > 1 ? arc.ids.length : ''}
      </text>
    ) : null}
  </g>
);

const feet = ({ from, to }: Arc, curve: Curve): string =>
  [from, to].map((block, at) => `M${block.x + 3} ${curve.feet[at]}h${Math.max(1, block.width - 6)}`).join('');

type Looking = { scene: Scene; around: ReadonlySet<CidrId> | undefined; change: ReturnType<typeof joined> };

const lookOf = ({ from, to, ids }: Arc, { scene, around, change }: Looking): Drawn['look'] => {
  if (ids.some((id) => change.went.has(id))) return 'went';
  if (ids.some((id) => change.came.has(id))) return 'came';
  if (scene.marks) return 'faint';
  if (!around) return 'plain';
  const isChosen = scene.selection.some(
    ({ kind, id }) => kind === 'association' && ids.includes(id as never),
  );
  return isChosen || around.has(from.id) || around.has(to.id) ? 'lit' : 'faint';
};

type Spot = { x: number; y: number; thing: Thing | undefined; text: string };

/** What lies at a point of the picture, and in words. */
const spotAt = (scene: Scene, icicle: Icicle, ground: Ground, x: number, y: number): Spot => {
  const { network } = scene.after;
  const slot = slotAt(icicle, x, y);
  const ip = slot && ground.addressAt(slot.bed.cidrId, slot.slot);
  const peer = ip && network.peerAt(ip);
  if (peer) {
    const state = stateIn(scene, peer);
    const more = slot.bed.perCell > 1 ? ` and up to ${slot.bed.perCell - 1} more` : '';
    const text = `${nameText(peer.name)} ${peer.ip}, ${STATE_WORDS[state]}${more}`;
    return { x, y, thing: { kind: 'peer', id: peer.id }, text };
  }
  const block = blockAt(icicle, x, y);
  const node = block && network.cidr(block.id);
  if (!node) return { x, y, thing: undefined, text: '' };
  const text = `${nameText(node.name)} ${node.cidr}`;
  return { x, y, thing: { kind: 'cidr', id: node.id }, text };
};

const associationAt = (target: EventTarget | null): Thing | undefined => {
  const id =
    target instanceof Element ? target.closest('[data-association]')?.getAttribute('data-association') : null;
  return id ? { kind: 'association', id: Number(id) as AssociationId } : undefined;
};

/** One ground for the page's whole life: what has a place keeps it. */
const ground = new Ground();

const useIcicle = (page: Page, scene: Scene, size: Size | undefined): Icicle | undefined => {
  const at = top.value !== undefined && scene.after.network.cidr(top.value) ? top.value : undefined;
  const isPast = page.moment.value !== 'now';
  const { entries } = page.history.value;
  useMemo(() => ground.widen(scene.before.network), [scene.before]);
  // Before the slider shows what is gone by now, so that nothing moves while it does.
  useMemo(() => isPast && ground.learn(entries, scene.before.network.peerCount), [isPast]);
  useMemo(() => ground.widen(scene.after.network), [scene.after]);
  return useMemo(
    () => size && icicleOf(ground.plots(at), { width: size.width, height: size.height * (1 - ARC_SHARE) }),
    [ground.version, size, at],
  );
};

const describe = ({ network }: Scene['after']): string => {
  const parts = [
    countText(network.peerCount, 'peer'),
    countText([...network.cidrs()].length, 'CIDR'),
    countText([...network.associations()].length, 'association'),
  ];
  return `map of ${nameText(network.name)}: ${parts.join(', ')}; the tree beside it says the same in words`;
};

/** `scene` is what to draw; a click chooses, with shift or ctrl a second one; a double click on a block fills the map with it. */
export const Picture = ({ page, scene }: { page: Page; scene: Scene }) => {
  const [frame, size] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const inks = useInks();
  const [spot, setSpot] = useState<Spot>();
  const icicle = useIcicle(page, scene, size);
  const { network } = scene.after;

  useLayoutEffect(() => {
    if (!canvas.current || !icicle) return;
    const cells = cellsOf(scene, ground, icicle, Date.now());
    const font = `13px ${getComputedStyle(document.body).fontFamily}`;
    paintCells(canvas.current, cells, icicle, {
      inks,
      ratio: devicePixelRatio || 1,
      font,
      lit: litBeds(scene),
    });
  }, [scene, icicle, inks]);

  useEffect(() => {
    const element = frame.current;
    if (!element || !icicle) return;
    const here = (event: MouseEvent): Spot => {
      const { left, top: upper } = element.getBoundingClientRect();
      const [x, y] = [event.clientX - left + element.scrollLeft, event.clientY - upper];
      return spotAt(scene, icicle, ground, x, y);
    };
    const move = (event: MouseEvent): void => setSpot(here(event));
    const leave = (): void => setSpot(undefined);
    const click = (event: MouseEvent): void => {
      const thing = associationAt(event.target) ?? here(event).thing;
      page.choose(thing, { also: event.shiftKey || event.ctrlKey || event.metaKey });
    };
    const enter = (event: MouseEvent): void => {
      const { thing } = here(event);
      if (thing?.kind !== 'cidr') return;
      top.value =
        top.value === thing.id ? (network.cidr(top.value)?.parentId ?? undefined) : (thing.id as CidrId);
    };
    const listeners = { mousemove: move, mouseleave: leave, click, dblclick: enter };
    for (const [name, listener] of Object.entries(listeners))
      element.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        element.removeEventListener(name, listener as EventListener);
    };
  }, [page, scene, icicle]);

  const change = useMemo(() => joined(scene), [scene.before, scene.after]);
  const arcs = useMemo(() => icicle && arcsOf(icicle, change.all), [icicle, change]);
  const around = concerned(scene);
  const lit = litBlocks(scene);
  return (
    <div class="picture" role="img" aria-label={describe(scene.after)} ref={frame}>
      {icicle && size && arcs ? (
        <div class="stage" style={{ width: `${icicle.width}px`, height: `${size.height - 2}px` }}>
          <canvas ref={canvas} style={{ width: `${icicle.width}px`, height: `${icicle.base}px` }} />
          <svg width={icicle.width} height={size.height - 2} aria-hidden="true">
            {icicle.blocks.map((block) => (
              <BlockBar
                key={block.id}
                block={block}
                network={network}
                isLit={!lit || lit.has(block.id)}
                isChosen={scene.selection.some(({ kind, id }) => kind === 'cidr' && id === block.id)}
              />
            ))}
            {arcs.arcs.map((arc) => (
              <ArcShape
                key={`${arc.from.id} ${arc.to.id}`}
                arc={arc}
                curve={curveOf(icicle, arc, size.height - 14 - icicle.base)}
                look={lookOf(arc, { scene, around, change })}
                limit={arcLimit(
                  network,
                  arc,
                  change.all.filter(({ id }) => arc.ids.includes(id)),
                )}
              />
            ))}
          </svg>
          {spot?.text ? (
            <div
              class="spot"
              style={{ left: `${Math.min(spot.x + 14, icicle.width - 240)}px`, top: `${spot.y + 16}px` }}
            >
              {spot.text}
            </div>
          ) : null}
        </div>
      ) : null}
    </div>
  );
};

/** The number of peers in each state, with its sign. */
export const peerStates = (scene: Scene): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const peer of scene.after.network.peers()) {
    const state = stateIn(scene, peer);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return counts;
};
