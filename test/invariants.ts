// What is true of a network at any position, said by walking all of it instead of asking its indexes.
import assert from 'node:assert/strict';
import type { CidrNode } from '../src/domain/cidr-tree.ts';
import { type Limit, limitsFrom } from '../src/domain/limits.ts';
import type { Network } from '../src/domain/network.ts';
import type { Peer } from '../src/domain/peer.ts';
import { routesFor } from '../src/domain/routes.ts';
import { type View, type ViewKey, viewKey, viewOf, WORDS } from '../src/domain/views.ts';
import { appears, visiblePeers } from '../src/domain/visibility.ts';
import {
  type CidrRow,
  cidrRow,
  type PeerRow,
  peerRow,
  type RouteRow,
  routeRow,
} from '../src/protocol/rows.ts';
import { type CidrId, ROOT_CIDR, SERVER_CIDR, SERVER_NAME, SERVER_PEER } from '../src/values/id.ts';
import {
  assignableRange,
  containsCidr,
  familyOf,
  fromNumber,
  isAssignable,
  overlaps,
} from '../src/values/ip.ts';

const unique = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

/** Each index finds exactly what a walk through all peers and CIDRs finds. */
export const expectIndexed = (network: Network): void => {
  const peers = [...network.peers()];
  assert.equal(network.peerCount, peers.length);
  for (const peer of peers) {
    assert.equal(network.peer(peer.id), peer);
    assert.equal(network.peerNamed(peer.name), peer);
    assert.equal(network.peerAt(peer.ip), peer);
    assert.equal(network.peerWithKey(peer.publicKey), peer);
    assert.ok(!network.isRetiredIp(peer.ip) && !network.isRetiredKey(peer.publicKey));
  }
  const sameAs = (indexed: Iterable<Peer>, walked: Peer[]) =>
    assert.deepEqual([...indexed].sort(byId), walked.sort(byId));
  sameAs(
    network.invited(),
    peers.filter(({ isRedeemed }) => !isRedeemed),
  );
  sameAs(
    network.admins(),
    peers.filter((peer) => peer.isAdmin && appears(peer) && peer.id !== SERVER_PEER),
  );
  sameAs(
    network.ending(),
    peers.filter(({ isDisabled, expires }) => !isDisabled && expires !== undefined),
  );
  for (const node of network.cidrs()) expectCidrIndexed(network, node, peers);
};

const expectCidrIndexed = (network: Network, node: CidrNode, peers: Peer[]): void => {
  assert.equal(network.cidr(node.id), node);
  assert.equal(network.cidrNamed(node.name), node);
  const own = peers.filter(({ cidrId }) => cidrId === node.id);
  assert.deepEqual([...network.peersIn(node.id)].sort(byId), own.sort(byId));
  assert.equal(network.holdsPeers(node.id), own.length > 0);
  const children = [...network.cidrs()].filter(({ parentId }) => parentId === node.id);
  assert.deepEqual([...network.childrenOf(node.id)], children);
  assert.equal(network.hasChildren(node.id), children.length > 0);
  if (children.length === 0) assert.equal(network.freeIpIn(node), lowestFree(network, node));
};

const byId = (left: Peer, right: Peer): number => left.id - right.id;

const lowestFree = (network: Network, node: CidrNode): string | undefined => {
  const root = network.cidr(ROOT_CIDR)?.cidr ?? node.cidr;
  const { first, last } = assignableRange(node.cidr);
  for (let value = first; value <= last; value += 1n) {
    const ip = fromNumber(value, familyOf(node.cidr));
    if (!network.peerAt(ip) && !network.isRetiredIp(ip) && isAssignable(root, ip)) return ip;
  }
  return undefined;
};

/** The rules hold, as they do at every position of a log that no import began. */
export const expectLawful = (network: Network): void => {
  const peers = [...network.peers()];
  const cidrs = [...network.cidrs()];
  const root = network.cidr(ROOT_CIDR);
  if (!root) {
    assert.equal(peers.length + cidrs.length, 0);
    return;
  }
  for (const field of ['name', 'ip', 'publicKey'] as const)
    assert.ok(unique(peers.map((peer) => peer[field])));
  for (const field of ['name', 'cidr'] as const) assert.ok(unique(cidrs.map((node) => node[field])));
  const { name, cidrId, isAdmin, isDisabled, isRedeemed } =
    network.peer(SERVER_PEER) ?? assert.fail('no server');
  assert.deepEqual(
    [name, cidrId, isAdmin, isDisabled, isRedeemed],
    [SERVER_NAME, SERVER_CIDR, true, false, true],
  );
  for (const peer of peers) {
    const home = network.cidr(peer.cidrId) ?? assert.fail(`${peer.name} is nowhere`);
    assert.ok(!network.hasChildren(home.id));
    assert.ok(isAssignable(home.cidr, peer.ip) && isAssignable(root.cidr, peer.ip));
  }
  for (const node of cidrs) if (node.id !== ROOT_CIDR) expectCidrLawful(network, node);
  for (const { cidrIds } of network.associations()) {
    assert.ok(cidrIds[0] !== cidrIds[1] && !cidrIds.includes(ROOT_CIDR));
    assert.ok(cidrIds.every((id) => network.cidr(id)));
  }
};

const expectCidrLawful = (network: Network, node: CidrNode): void => {
  const parent = network.cidr(node.parentId ?? node.id) ?? assert.fail(`${node.name} hangs nowhere`);
  assert.ok(containsCidr(parent.cidr, node.cidr) && parent.cidr !== node.cidr);
  for (const sibling of network.childrenOf(parent.id))
    assert.ok(sibling.id === node.id || !overlaps(sibling.cidr, node.cidr));
};

/** What one view shows: rows as they go over the wire, by id. */
export type Shown = {
  key: ViewKey;
  rows: Map<number, PeerRow>;
  limits: Map<number, Limit>;
  routes: Map<number, RouteRow>;
};

/** By who looks: a CIDR's peers with old programs, or one peer through a program that knows so much. */
export type Views = Map<string, Shown>;

/** Of peers whose programs know nothing of limits. */
export const oldView = (cidrId: CidrId): View => ({ cidrId, word: 'old' });

const shownBy = (network: Network, view: View): Shown => ({
  key: viewKey(view),
  rows: new Map([...visiblePeers(network, view)].map((peer) => [peer.id, peerRow(peer)])),
  limits: new Map(
    view.word === 'limits' ? limitsFrom(network, view.cidrId).map((limit) => [limit.cidrId, limit]) : [],
  ),
  routes: new Map(routesFor(network, view).map((route) => [route.id, routeRow(route)])),
});

/** Every view, computed from nothing. */
export const viewsOf = (network: Network): Views => {
  const views: Views = new Map();
  for (const { id, isIsolated } of network.cidrs())
    if (!isIsolated) views.set(`CIDR ${id}`, shownBy(network, oldView(id)));
  for (const peer of network.peers())
    if (peer.isRedeemed)
      for (const word of WORDS)
        views.set(`peer ${peer.id} ${word}`, shownBy(network, viewOf(network, peer, word)));
  return views;
};

export const cidrRowsOf = (network: Network): Map<number, CidrRow> =>
  new Map([...network.cidrs()].map((node) => [node.id, cidrRow(node)]));
