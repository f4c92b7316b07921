/** Checks an imported network for what the rules would have refused. */
import { ROOT_CIDR, SERVER_CIDR, SERVER_PEER } from '../values/id.ts';
import { containsCidr, containsIp, isAssignable, networkOf, overlaps, prefixOf } from '../values/ip.ts';
import { isHostname } from '../values/name.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { ImportNote } from './import-note.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';

/** In the order of the rows: CIDRs, peers, associations. */
export const notesOn = (network: Network): ImportNote[] => {
  const root = network.cidr(ROOT_CIDR);
  if (!root) return [];
  const notes: ImportNote[] = [];
  for (const node of network.cidrs()) notes.push(...notesOnCidr(network, root, node));
  for (const peer of network.peers())
    if (peer.id !== SERVER_PEER) notes.push(...notesOnPeer(network, root, peer));
  for (const association of network.associations()) notes.push(...notesOnAssociation(network, association));
  return notes;
};

const notesOnCidr = (network: Network, root: CidrNode, node: CidrNode): ImportNote[] => {
  const { name, cidr } = node;
  const notes: ImportNote[] = [];
  if (node.id !== ROOT_CIDR && !isHostname(name)) notes.push({ code: 'CidrNameUnusual', name });
  if (networkOf(cidr) !== cidr) notes.push({ code: 'CidrHostBits', name, cidr, network: networkOf(cidr) });
  if (node.id === ROOT_CIDR) return notes;
  const misplaced = misplacement(network, root, node);
  if (misplaced) notes.push(misplaced);
  for (const sibling of siblingsBefore(network, node))
    if (overlaps(sibling.cidr, cidr)) notes.push({ code: 'CidrsOverlap', names: [sibling.name, name] });
  return notes;
};

/** Siblings with smaller ids, so that each pair is checked once. */
const siblingsBefore = function* (network: Network, { id, parentId }: CidrNode): Generator<CidrNode> {
  if (parentId === null) return;
  for (const sibling of network.childrenOf(parentId)) if (sibling.id < id) yield sibling;
};

const misplacement = (network: Network, root: CidrNode, node: CidrNode): ImportNote | undefined => {
  const { name, cidr, parentId } = node;
  if (!containsCidr(root.cidr, cidr))
    return { code: 'CidrOutsideNetwork', name, cidr, network: networkOf(root.cidr) };
  const parent = parentId === null ? undefined : network.cidr(parentId);
  if (parent && !containsCidr(parent.cidr, cidr))
    return { code: 'CidrOutsideParent', name, cidr, parent: parent.name };
  const home = smallestAround(network, node);
  if (!home || home.id === parentId) return undefined;
  return { code: 'CidrElsewhere', name, cidr, parent: parent?.name ?? 'nothing', belongsIn: home.name };
};

const smallestAround = (network: Network, { id, cidr }: CidrNode): CidrNode | undefined => {
  let smallest: CidrNode | undefined;
  for (const other of network.cidrs()) {
    if (other.id === id || !containsCidr(other.cidr, cidr)) continue;
    if (!smallest || prefixOf(other.cidr) > prefixOf(smallest.cidr)) smallest = other;
  }
  return smallest;
};

const notesOnPeer = (network: Network, root: CidrNode, peer: Peer): ImportNote[] => {
  const { name, isRedeemed, inviteExpires } = peer;
  const notes: ImportNote[] = [];
  if (!isHostname(name)) notes.push({ code: 'PeerNameUnusual', name });
  const home = network.cidr(peer.cidrId);
  if (home) notes.push(...notesOnHome(network, root, home, peer));
  if (inviteExpires === null)
    notes.push(isRedeemed ? { code: 'PeerNeverInvited', name } : { code: 'InvitationEndless', name });
  return notes;
};

const notesOnHome = (network: Network, root: CidrNode, home: CidrNode, { name, ip }: Peer): ImportNote[] => {
  const notes: ImportNote[] = [];
  if (home.id === SERVER_CIDR) notes.push({ code: 'PeerBesideServer', name });
  if (network.hasChildren(home.id)) notes.push({ code: 'PeerAboveCidrs', name, cidr: home.name });
  const range = networkOf(root.cidr);
  if (!containsIp(root.cidr, ip)) notes.push({ code: 'PeerOutsideNetwork', name, ip, network: range });
  else if (!containsIp(home.cidr, ip)) notes.push({ code: 'PeerOutsideCidr', name, ip, cidr: home.name });
  else if (!isAssignable(home.cidr, ip))
    notes.push({ code: 'PeerNotAssignable', name, ip, cidr: networkOf(home.cidr) });
  else if (!isAssignable(root.cidr, ip)) notes.push({ code: 'PeerNotAssignable', name, ip, cidr: range });
  return notes;
};

const notesOnAssociation = (network: Network, association: Association): ImportNote[] => {
  const [left, right] = association.cidrIds;
  const names = [network.cidr(left)?.name ?? '', network.cidr(right)?.name ?? ''] as const;
  if (left === right) return [{ code: 'AssociationOfItself', name: names[0] }];
  const notes: ImportNote[] = [];
  if (left === ROOT_CIDR || right === ROOT_CIDR) notes.push({ code: 'AssociationOfRoot', names });
  // The index holds one of a duplicate pair; this is the other.
  const known = network.associationBetween(left, right);
  if (known && known.id !== association.id) notes.push({ code: 'AssociationTwice', names });
  return notes;
};
