/** Imports a network from innernet 2.0's server: its rows as events of one commit, even against the rules. */
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import { isUnspecified } from '../values/endpoint.ts';
import { type CidrId, ROOT_CIDR, SERVER_CIDR, SERVER_PEER } from '../values/id.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { ImportNote, ImportTrouble } from './import-note.ts';
import { notesOn } from './import-notes.ts';
import { Network } from './network.ts';
import type { Peer } from './peer.ts';

/** Each value is valid, their combination is unchecked. */
export type ForeignNetwork = {
  name: string;
  source: EventOf<'NetworkImported'>['source'];
  cidrs: readonly CidrNode[];
  peers: readonly Peer[];
  associations: readonly Association[];
};

export type Import =
  | { possible: true; events: NetworkEvent[]; notes: ImportNote[] }
  | { possible: false; trouble: ImportTrouble };

/** Pure. Ids, names, addresses and keys stay. */
export const importNetwork = (foreign: ForeignNetwork): Import => {
  const trouble = troubleWith(foreign);
  if (trouble) return { possible: false, trouble };
  const ids = new Set(foreign.cidrs.map(({ id }) => id));
  const isTied = ({ cidrIds }: Association): boolean => cidrIds.every((id) => ids.has(id));
  const events: NetworkEvent[] = [
    { type: 'NetworkImported', name: foreign.name, source: foreign.source },
    ...parentsFirst(foreign.cidrs).map(cidrAdded),
    ...byId(foreign.peers).map(peerAdded),
    ...byId(foreign.associations.filter(isTied)).map(associationAdded),
  ];
  const network = new Network();
  network.advance(events, events.length);
  const loose = foreign.associations.filter((association) => !isTied(association));
  const notes: ImportNote[] = [
    ...notesOnServer(foreign.peers),
    ...notesOn(network),
    ...byId(loose).map(({ id, cidrIds }): ImportNote => ({ code: 'AssociationLoose', id, cidrIds })),
  ];
  return { possible: true, events, notes };
};

const troubleWith = (foreign: ForeignNetwork): ImportTrouble | undefined =>
  doubleIn(foreign) ?? missingFrom(foreign) ?? dangling(foreign) ?? loopIn(foreign);

/** innernet 2.0's schema forbids doubles; an edited file may have them. */
const doubleIn = ({ cidrs, peers, associations }: ForeignNetwork): ImportTrouble | undefined =>
  double('CIDR', 'id', cidrs) ??
  double('CIDR', 'name', cidrs) ??
  double('CIDR', 'cidr', cidrs) ??
  double('peer', 'id', peers) ??
  double('peer', 'name', peers) ??
  double('peer', 'ip', peers) ??
  double('peer', 'publicKey', peers) ??
  double('association', 'id', associations);

const double = <Row extends { id: number }>(
  kind: 'CIDR' | 'peer' | 'association',
  field: keyof Row & string,
  rows: readonly Row[],
): ImportTrouble | undefined => {
  const holders = new Map<unknown, number>();
  for (const row of rows) {
    const holder = holders.get(row[field]);
    if (holder !== undefined)
      return { code: 'SameTwice', kind, field, value: String(row[field]), ids: [holder, row.id] };
    holders.set(row[field], row.id);
  }
  return undefined;
};

const missingFrom = ({ cidrs, peers }: ForeignNetwork): ImportTrouble | undefined => {
  const root = cidrs.find(({ id }) => id === ROOT_CIDR);
  if (!root || root.parentId !== null) return { code: 'NoRoot' };
  if (!cidrs.some(({ id }) => id === SERVER_CIDR)) return { code: 'NoServer' };
  if (peers.find(({ id }) => id === SERVER_PEER)?.cidrId !== SERVER_CIDR) return { code: 'NoServer' };
  return undefined;
};

const dangling = ({ cidrs, peers }: ForeignNetwork): ImportTrouble | undefined => {
  const ids = new Set(cidrs.map(({ id }) => id));
  for (const { id, name, parentId } of cidrs)
    if (parentId !== null && !ids.has(parentId))
      return { code: 'NoSuchCidr', kind: 'CIDR', id, name, cidrId: parentId };
  for (const { id, name, cidrId } of peers)
    if (!ids.has(cidrId)) return { code: 'NoSuchCidr', kind: 'peer', id, name, cidrId };
  return undefined;
};

/** A CIDR above itself; requires that every parent exists. */
const loopIn = ({ cidrs }: ForeignNetwork): ImportTrouble | undefined => {
  const placed = new Set(parentsFirst(cidrs).map(({ id }) => id));
  const astray = cidrs.find(({ id }) => !placed.has(id));
  return astray && { code: 'CidrLoop', id: astray.id, name: astray.name };
};

const byId = <Row extends { id: number }>(rows: readonly Row[]): Row[] =>
  [...rows].sort((left, right) => left.id - right.id);

const parentsFirst = (cidrs: readonly CidrNode[]): CidrNode[] => {
  const children = new Map<CidrId | null, CidrNode[]>();
  for (const node of byId(cidrs)) children.set(node.parentId, [...(children.get(node.parentId) ?? []), node]);
  const placed = [...(children.get(null) ?? [])];
  for (const node of placed) placed.push(...(children.get(node.id) ?? []));
  return placed;
};

const cidrAdded = ({ id, name, cidr, parentId }: CidrNode): NetworkEvent => ({
  type: 'CidrAdded',
  cidrId: id,
  name,
  cidr,
  parentId,
});

/** Always a redeemed, enabled admin: no command could restore that. */
const peerAdded = (peer: Peer): NetworkEvent => {
  const isServer = peer.id === SERVER_PEER;
  const { id, name, ip, cidrId, publicKey, isAdmin, isDisabled, isRedeemed, inviteExpires, endpoint } = peer;
  return {
    type: 'PeerAdded',
    peerId: id,
    name,
    ip,
    cidrId,
    publicKey,
    isAdmin: isAdmin || isServer,
    inviteExpires,
    ...(isRedeemed || isServer ? { redeemed: true } : {}),
    ...(isDisabled && !isServer ? { disabled: true } : {}),
    ...(endpoint === null ? {} : { endpoint }),
  };
};

const associationAdded = ({ id, cidrIds: [left, right] }: Association): NetworkEvent => ({
  type: 'AssociationAdded',
  associationId: id,
  cidrIds: [left, right],
});

const notesOnServer = (peers: readonly Peer[]): ImportNote[] => {
  const server = peers.find(({ id }) => id === SERVER_PEER);
  if (!server) return [];
  const notes: ImportNote[] = [];
  if (server.isDisabled) notes.push({ code: 'ServerRestored', was: 'disabled' });
  if (!server.isRedeemed) notes.push({ code: 'ServerRestored', was: 'not redeemed' });
  if (!server.isAdmin) notes.push({ code: 'ServerRestored', was: 'no admin' });
  if (server.endpoint === null || isUnspecified(server.endpoint)) notes.push({ code: 'ServerUnreached' });
  return notes;
};
