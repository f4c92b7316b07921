/** A commit's changes: rows before and after, and sight gained or lost. */
import type { NetworkEvent } from '../events/schema.ts';
import { subjectOf } from '../events/subject.ts';
import type { CidrId, PeerId, Position } from '../values/id.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import { subtree } from './lineage.ts';
import type { Network } from './network.ts';
import { looksSame, type Peer } from './peer.ts';
import { isShown, sees, viewersOf } from './visibility.ts';

/** Undefined: absent. */
export type Change<Row> = { before: Row | undefined; after: Row | undefined };

export type SightChange = { viewer: CidrId; cidr: CidrId; gained: boolean };

export type Changes = {
  peers: Map<PeerId, Change<Peer>>;
  cidrs: Map<CidrId, Change<CidrNode>>;
  sight: SightChange[];
};

export type ClassDelta = { viewers: CidrId[]; changed: Peer[]; removed: PeerId[] };

class Before {
  readonly peers = new Map<PeerId, Peer | undefined>();
  readonly cidrs = new Map<CidrId, CidrNode | undefined>();
  readonly sight = new Map<string, SightChange>();

  note(network: Network, event: NetworkEvent): void {
    const about = subjectOf(event);
    if (about?.kind === 'peer') this.#notePeer(network, about.id);
    if (about?.kind === 'cidr') this.#noteCidr(network, about.id);
    if (about?.kind === 'association')
      this.#noteSight(network, 'cidrIds' in event ? event.cidrIds : network.association(about.id)?.cidrIds);
    if (event.type === 'CidrDeleted') this.#noteViewers(network, event.cidrId);
  }

  #notePeer(network: Network, id: PeerId): void {
    if (!this.peers.has(id)) this.peers.set(id, network.peer(id));
  }

  #noteCidr(network: Network, id: CidrId): void {
    if (!this.cidrs.has(id)) this.cidrs.set(id, network.cidr(id));
  }

  /** A deleted CIDR has no viewers to ask later, and its peers may go in the same commit. */
  #noteViewers(network: Network, cidr: CidrId): void {
    for (const viewer of viewersOf(network, cidr)) this.#noteOneWay(network, viewer, cidr);
  }

  #noteSight(network: Network, pair: Association['cidrIds'] | undefined): void {
    if (!pair) return;
    const [left, right] = pair;
    const rights = [...subtree(network, right)];
    for (const a of subtree(network, left)) {
      for (const b of rights) {
        this.#noteOneWay(network, a, b);
        this.#noteOneWay(network, b, a);
      }
    }
  }

  #noteOneWay(network: Network, viewer: CidrId, cidr: CidrId): void {
    const key = `${viewer} ${cidr}`;
    if (!this.sight.has(key)) this.sight.set(key, { viewer, cidr, gained: !sees(network, viewer, cidr) });
  }
}

/** Takes a whole commit into the network and tells what it changed. */
export const advanceWithChanges = (
  network: Network,
  events: Iterable<NetworkEvent>,
  to: Position,
): Changes => {
  const before = new Before();
  for (const event of events) {
    before.note(network, event);
    network.evolve(event);
  }
  network.position = to;
  return {
    peers: new Map([...before.peers].map(([id, row]) => [id, { before: row, after: network.peer(id) }])),
    cidrs: new Map([...before.cidrs].map(([id, row]) => [id, { before: row, after: network.cidr(id) }])),
    sight: [...before.sight.values()].filter(
      ({ viewer, cidr, gained }) => sees(network, viewer, cidr) === gained,
    ),
  };
};

type Draft = { changed: Map<PeerId, Peer>; removed: Set<PeerId> };

class Drafts {
  readonly byViewer = new Map<CidrId, Draft>();

  changed(viewer: CidrId, peer: Peer): void {
    this.#of(viewer).changed.set(peer.id, peer);
  }

  removed(viewer: CidrId, peer: Peer): void {
    this.#of(viewer).removed.add(peer.id);
  }

  #of(viewer: CidrId): Draft {
    let draft = this.byViewer.get(viewer);
    if (!draft) {
      draft = { changed: new Map(), removed: new Set() };
      this.byViewer.set(viewer, draft);
    }
    return draft;
  }

  /** Viewers share equal deltas; deleted CIDRs have no peers to tell. */
  grouped(exists: (viewer: CidrId) => boolean): ClassDelta[] {
    const groups = new Map<string, ClassDelta>();
    for (const [viewer, { changed, removed }] of this.byViewer) {
      if (!exists(viewer)) continue;
      const key = `${[...changed.keys()].join()} ${[...removed].join()}`;
      const group = groups.get(key);
      if (group) group.viewers.push(viewer);
      else groups.set(key, { viewers: [viewer], changed: [...changed.values()], removed: [...removed] });
    }
    return [...groups.values()];
  }
}

const sightBefore = (changes: Changes, cidr: CidrId, now: Set<CidrId>): Set<CidrId> => {
  const then = new Set(now);
  for (const change of changes.sight) {
    if (change.cidr !== cidr) continue;
    if (change.gained) then.delete(change.viewer);
    else then.add(change.viewer);
  }
  return then;
};

const draftPeer = (
  drafts: Drafts,
  network: Network,
  changes: Changes,
  { before, after }: Change<Peer>,
): void => {
  const cidrId = (after ?? before)?.cidrId;
  if (cidrId === undefined) return;
  const now = viewersOf(network, cidrId);
  const then = sightBefore(changes, cidrId, now);
  if (isShown(before))
    for (const viewer of then) if (!isShown(after) || !now.has(viewer)) drafts.removed(viewer, before);
  if (!isShown(after)) return;
  for (const viewer of now) {
    const known = isShown(before) && then.has(viewer);
    if (!known || !looksSame(before as Peer, after)) drafts.changed(viewer, after);
  }
};

const draftSight = (drafts: Drafts, network: Network, changes: Changes): void => {
  for (const { viewer, cidr, gained } of changes.sight) {
    for (const peer of network.peersIn(cidr)) {
      if (changes.peers.has(peer.id) || !isShown(peer)) continue;
      if (gained) drafts.changed(viewer, peer);
      else drafts.removed(viewer, peer);
    }
  }
};

/** The commit as each CIDR's peers see it; `network` is the state after. CIDR rows concern everybody. */
export const classDeltas = (network: Network, changes: Changes): ClassDelta[] => {
  const drafts = new Drafts();
  for (const change of changes.peers.values()) draftPeer(drafts, network, changes, change);
  draftSight(drafts, network, changes);
  return drafts.grouped((viewer) => network.cidr(viewer) !== undefined);
};
