/**
 * Rules of CIDRs: a block lies in the smallest that contains it, clear of its siblings, and holds blocks or
 * peers.
 */
import { ROOT_CIDR, SERVER_CIDR } from '../values/id.ts';
import { type Cidr, containsCidr, overlaps, prefixOf } from '../values/ip.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { CidrRef } from './command.ts';
import { accept, type Rule, reject } from './decision.ts';
import type { Network } from './network.ts';
import { routeWith } from './routes.ts';

export const findCidr = (network: Network, ref: CidrRef): CidrNode | undefined =>
  typeof ref === 'number' ? network.cidr(ref) : network.cidrNamed(ref);

const smallestContaining = (network: Network, cidr: Cidr): CidrNode | undefined => {
  let smallest: CidrNode | undefined;
  for (const node of network.cidrs()) {
    if (!containsCidr(node.cidr, cidr)) continue;
    if (!smallest || prefixOf(node.cidr) > prefixOf(smallest.cidr)) smallest = node;
  }
  return smallest;
};

const otherIn = (network: Network, node: CidrNode): CidrNode | undefined => {
  for (const id of network.associatedWith(node.id)) return network.cidr(id);
  return undefined;
};

export const addCidr: Rule<'AddCidr'> = (network, { name, cidr, parent }) => {
  if (network.cidrNamed(name)) return reject({ code: 'CidrNameTaken', name });
  if (network.routeNamed(name)) return reject({ code: 'RouteNameTaken', name, by: 'route' });
  const root = network.cidr(ROOT_CIDR);
  const home = smallestContaining(network, cidr);
  if (!root) return reject({ code: 'NoNetwork' });
  if (!home) return reject({ code: 'CidrOutsideNetwork', cidr, network: root.cidr });
  if (containsCidr(cidr, home.cidr)) return reject({ code: 'CidrTaken', cidr, name: home.name });
  const named = parent === undefined ? home : findCidr(network, parent);
  if (!named) return reject({ code: 'UnknownCidr', cidr: parent ?? '' });
  if (named.id !== home.id) {
    return reject({ code: 'CidrBelongsElsewhere', name, cidr, parent: named.name, belongsIn: home.name });
  }
  for (const sibling of network.childrenOf(home.id)) {
    if (overlaps(sibling.cidr, cidr)) {
      return reject({ code: 'CidrOverlaps', cidr, sibling: sibling.name, siblingCidr: sibling.cidr });
    }
  }
  if (network.holdsPeers(home.id)) return reject({ code: 'CidrHoldsPeers', name: home.name });
  return accept({ type: 'CidrAdded', cidrId: network.nextIds.cidr, name, cidr, parentId: home.id });
};

export const renameCidr: Rule<'RenameCidr'> = (network, { cidr: ref, name }) => {
  const node = findCidr(network, ref);
  if (!node) return reject({ code: 'UnknownCidr', cidr: ref });
  if (node.id === SERVER_CIDR) return reject({ code: 'ServerIsFixed', what: 'CIDR' });
  if (node.name === name) return accept();
  if (network.cidrNamed(name)) return reject({ code: 'CidrNameTaken', name });
  if (network.routeNamed(name)) return reject({ code: 'RouteNameTaken', name, by: 'route' });
  return accept({ type: 'CidrRenamed', cidrId: node.id, name });
};

export const deleteCidr: Rule<'DeleteCidr'> = (network, { cidr: ref }) => {
  const node = findCidr(network, ref);
  if (!node) return reject({ code: 'UnknownCidr', cidr: ref });
  if (node.id === SERVER_CIDR) return reject({ code: 'ServerIsFixed', what: 'CIDR' });
  if (node.id === ROOT_CIDR) return reject({ code: 'ServerIsFixed', what: 'network range' });
  if (network.hasChildren(node.id)) return reject({ code: 'CidrHasChildren', name: node.name });
  if (network.holdsPeers(node.id)) return reject({ code: 'CidrHoldsPeers', name: node.name });
  const other = otherIn(network, node);
  if (other) return reject({ code: 'CidrHasAssociations', name: node.name, with: other.name });
  const used = routeWith(network, node.id);
  if (used)
    return reject({
      code: 'CidrHasRoutes',
      name: node.name,
      route: used.route.name,
      isRouter: used.isRouter,
    });
  return accept({ type: 'CidrDeleted', cidrId: node.id });
};

/** Only leaves hold peers; the isolation of a CIDR that later holds CIDRs means nothing. */
export const isolateCidr: Rule<'IsolateCidr'> = (network, { cidr: ref }) => {
  const node = findCidr(network, ref);
  if (!node) return reject({ code: 'UnknownCidr', cidr: ref });
  if (node.id === SERVER_CIDR) return reject({ code: 'ServerIsFixed', what: 'CIDR' });
  if (node.isIsolated) return accept();
  if (network.hasChildren(node.id)) return reject({ code: 'CidrNotIsolable', name: node.name });
  return accept({ type: 'CidrIsolated', cidrId: node.id });
};

export const unisolateCidr: Rule<'UnisolateCidr'> = (network, { cidr: ref }) => {
  const node = findCidr(network, ref);
  if (!node) return reject({ code: 'UnknownCidr', cidr: ref });
  return node.isIsolated ? accept({ type: 'CidrUnisolated', cidrId: node.id }) : accept();
};
