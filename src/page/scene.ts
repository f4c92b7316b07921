/** What the map shows of a state: each peer's cell, what is lit, what is faint, what a change would do. */
import type { Association } from '../domain/association-graph.ts';
import { lineage, subtree } from '../domain/lineage.ts';
import type { Network } from '../domain/network.ts';
import type { Peer } from '../domain/peer.ts';
import type { AssociationId, CidrId, PeerId } from '../values/id.ts';
import type { Ground } from './map/ground.ts';
import type { Icicle } from './map/icicle.ts';
import { type Marks, marksOf } from './map/marks.ts';
import type { Observed, Page, Shown, Thing } from './page.ts';
import type { Cell } from './paint.ts';
import { type State, stateOf } from './words.ts';

/** The states before and after a change, one and the same when none is looked at. */
export type Scene = {
  readonly before: Shown;
  readonly after: Shown;
  /** Undefined: no change is looked at. */
  readonly marks: Marks | undefined;
  readonly observed: ReadonlyMap<PeerId, Observed> | undefined;
  /** Of the tunnels of the one chosen peer, by its own word. */
  readonly ways: ReadonlyMap<PeerId, 'direct' | 'relayed'>;
  readonly selection: readonly Thing[];
  /** Undefined: nothing is chosen. */
  readonly lit: ReadonlySet<PeerId> | undefined;
};

const peersWithin = (network: Network, cidrId: CidrId): PeerId[] =>
  [...subtree(network, cidrId)].flatMap((id) => [...network.peersIn(id)].map((peer) => peer.id));

const litBy = (page: Page, shown: Shown, selection: readonly Thing[]): ReadonlySet<PeerId> | undefined => {
  const [first, second] = selection;
  if (!first) return undefined;
  const { network } = shown;
  const own = (thing: typeof first): PeerId[] => {
    if (thing.kind === 'peer') return [thing.id as PeerId];
    if (thing.kind === 'cidr') return peersWithin(network, thing.id as CidrId);
    const association = network.association(thing.id as AssociationId);
    return (association?.cidrIds ?? []).flatMap((id) => peersWithin(network, id));
  };
  if (second) return new Set([...own(first), ...own(second)]);
  if (first.kind === 'association') return new Set(own(first));
  return new Set([...own(first), ...page.reachOf(shown, first)]);
};

const waysOf = ({ ways, selection }: Page): Scene['ways'] => {
  const [chosen, second] = selection.value;
  const rows = chosen?.kind === 'peer' && !second ? ways.value : [];
  return new Map(
    rows.flatMap(({ from, to, way }) => (way === 'none' || from !== chosen?.id ? [] : [[to, way] as const])),
  );
};

/** As the chosen peer has it where that says so, else as it stands with everybody. */
export const stateIn = ({ observed, ways }: Scene, peer: Peer, nowMs = Date.now()): State => {
  const state = stateOf(peer, observed && (observed.get(peer.id) ?? null), nowMs);
  return state === 'disabled' || state === 'invited' ? state : (ways.get(peer.id) ?? state);
};

/** Reads the page's signals; undefined before the first answer. */
export const sceneOf = (page: Page): Scene | undefined => {
  const shown = page.shown.value;
  if (!shown) return undefined;
  const { after, prepared, stage } = page.act.value ?? {};
  const comparison = page.comparison.value;
  const observed = page.moment.value === 'now' ? page.observed.value : undefined;
  const selection = page.selection.value;
  const ways = waysOf(page);
  if (after && stage !== 'done')
    return {
      before: shown,
      after,
      marks: marksOf(prepared?.reach, shown.network, after.network),
      observed,
      ways,
      selection,
      lit: undefined,
    };
  if (comparison) {
    const { from: before, to, difference } = comparison;
    const marks = marksOf(difference.reach, before.network, to.network);
    return { before, after: to, marks, observed, ways, selection, lit: undefined };
  }
  const lit = litBy(page, shown, selection);
  return { before: shown, after: shown, marks: undefined, observed, ways, selection, lit };
};

const isFaint = (scene: Scene, id: PeerId): boolean => {
  if (scene.marks) return !scene.marks.has(id);
  return scene.lit !== undefined && !scene.lit.has(id);
};

/** Of the peers that stand in the part of the ground that is drawn. */
export const cellsOf = (scene: Scene, ground: Ground, icicle: Icicle, nowMs: number): Cell[] => {
  const cells: Cell[] = [];
  const chosen = new Set(scene.selection.filter(({ kind }) => kind === 'peer').map(({ id }) => id));
  const add = (peer: Peer): void => {
    const bed = icicle.bedOf.get(peer.cidrId);
    const slot = ground.slotOf(peer.cidrId, peer.ip);
    if (!bed || slot === undefined) return;
    const { id, name } = peer;
    const state = stateIn(scene, peer, nowMs);
    const mark = scene.marks?.get(id);
    cells.push({
      id,
      bed,
      slot,
      state,
      name,
      isFaint: isFaint(scene, id),
      isChosen: chosen.has(id),
      mark,
    });
  };
  for (const peer of scene.after.network.peers()) add(peer);
  if (scene.before !== scene.after)
    for (const peer of scene.before.network.peers()) if (!scene.after.network.peer(peer.id)) add(peer);
  return cells;
};

/** CIDRs with something lit within, and those around them; undefined: all. */
export const litBlocks = (scene: Scene): ReadonlySet<CidrId> | undefined => {
  const ids = scene.marks?.keys() ?? scene.lit;
  if (!ids) return undefined;
  const { network } = scene.after;
  const lit = new Set<CidrId>();
  for (const id of ids) {
    const peer = network.peer(id) ?? scene.before.network.peer(id);
    if (peer && !lit.has(peer.cidrId)) for (const around of lineage(network, peer.cidrId)) lit.add(around);
  }
  for (const { kind, id } of scene.selection)
    if (kind === 'cidr') for (const around of lineage(network, id as CidrId)) lit.add(around);
  return lit;
};

/** CIDRs in which somebody is lit, those around them left out; undefined: nothing is chosen. */
export const litBeds = ({ lit, after: { network } }: Scene): ReadonlySet<CidrId> | undefined =>
  lit && new Set([...lit].flatMap((id) => network.peer(id)?.cidrId ?? []));

/** CIDRs whose associations count for what is chosen: around it and, of a CIDR, within it. */
export const concerned = (scene: Scene): ReadonlySet<CidrId> | undefined => {
  const { network } = scene.after;
  if (scene.selection.length === 0) return undefined;
  return new Set(
    scene.selection.flatMap(({ kind, id }) => {
      if (kind === 'cidr') return [...lineage(network, id as CidrId), ...subtree(network, id as CidrId)];
      const peer = kind === 'peer' ? network.peer(id as PeerId) : undefined;
      return peer ? [...lineage(network, peer.cidrId)] : [];
    }),
  );
};

const pairOf = ({ cidrIds }: Association): string =>
  [...cidrIds].sort((left, right) => left - right).join(' ');

/** Associations of both states: an arc of a change is new, gone or as it was. */
export const joined = (
  scene: Scene,
): { all: Association[]; came: ReadonlySet<AssociationId>; went: ReadonlySet<AssociationId> } => {
  const after = [...scene.after.network.associations()];
  if (scene.before === scene.after) return { all: after, came: new Set(), went: new Set() };
  const before = [...scene.before.network.associations()];
  const [earlier, later] = [new Set(before.map(pairOf)), new Set(after.map(pairOf))];
  const went = before.filter((each) => !later.has(pairOf(each)));
  const came = after.filter((each) => !earlier.has(pairOf(each)));
  return {
    all: [...after, ...went],
    came: new Set(came.map(({ id }) => id)),
    went: new Set(went.map(({ id }) => id)),
  };
};
