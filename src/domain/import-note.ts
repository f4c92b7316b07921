/** Findings of an import: why it is impossible, or what the rules would have refused. */
import type { Cidr, Ip } from '../values/ip.ts';
import { printable } from './rejection.ts';

/** Rows contradict each other: nothing is imported. */
export type ImportTrouble =
  | { code: 'NoRoot' }
  | { code: 'NoServer' }
  | {
      code: 'SameTwice';
      kind: 'CIDR' | 'peer' | 'association';
      field: string;
      value: string;
      ids: readonly [number, number];
    }
  | { code: 'NoSuchCidr'; kind: 'CIDR' | 'peer'; id: number; name: string; cidrId: number }
  | { code: 'CidrLoop'; id: number; name: string }
  | { code: 'UnreadableRow'; table: string; id: number | undefined; column: string; reason: string };

/** Rows taken although a rule would refuse them, and the few changed ones. */
export type ImportNote =
  | { code: 'ServerRestored'; was: 'disabled' | 'not redeemed' | 'no admin' }
  | { code: 'ServerUnreached' }
  | { code: 'CidrOutsideNetwork'; name: string; cidr: Cidr; network: Cidr }
  | { code: 'CidrOutsideParent'; name: string; cidr: Cidr; parent: string }
  | { code: 'CidrElsewhere'; name: string; cidr: Cidr; parent: string; belongsIn: string }
  | { code: 'CidrsOverlap'; names: readonly [string, string] }
  | { code: 'CidrHostBits'; name: string; cidr: Cidr; network: Cidr }
  | { code: 'CidrNameUnusual'; name: string }
  | { code: 'NameReplaced'; kind: 'CIDR' | 'peer'; id: number; name: string }
  | { code: 'PeerOutsideNetwork'; name: string; ip: Ip; network: Cidr }
  | { code: 'PeerOutsideCidr'; name: string; ip: Ip; cidr: string }
  | { code: 'PeerNotAssignable'; name: string; ip: Ip; cidr: Cidr }
  | { code: 'PeerAboveCidrs'; name: string; cidr: string }
  | { code: 'PeerBesideServer'; name: string }
  | { code: 'PeerNameUnusual'; name: string }
  | { code: 'PeerNeverInvited'; name: string }
  | { code: 'InvitationEndless'; name: string }
  | { code: 'EndpointUnreadable'; name: string; endpoint: string }
  | { code: 'CandidatesUnreadable'; name: string }
  | { code: 'AssociationOfRoot'; names: readonly [string, string] }
  | { code: 'AssociationOfItself'; name: string }
  | { code: 'AssociationTwice'; names: readonly [string, string] }
  | { code: 'AssociationLoose'; id: number; cidrIds: readonly [number, number] };

const quote = (text: string): string => `"${printable(text)}"`;

export const explainTrouble = (trouble: ImportTrouble): string => {
  switch (trouble.code) {
    case 'NoRoot':
      return 'it has no CIDR 1 that would be the range of the network';
    case 'NoServer':
      return 'it has no peer 1 in CIDR 2 that would be the server';
    case 'SameTwice': {
      const { kind, field, value, ids } = trouble;
      return `${kind} ${ids[0]} and ${kind} ${ids[1]} have the same ${FIELDS[field] ?? field}, ${quote(value)}`;
    }
    case 'NoSuchCidr':
      return `${trouble.kind} ${trouble.id} (${quote(trouble.name)}) belongs to CIDR ${trouble.cidrId}, which does not exist`;
    case 'CidrLoop':
      return `CIDR ${trouble.id} (${quote(trouble.name)}) is above itself in the tree`;
    case 'UnreadableRow': {
      const { table, id, column, reason } = trouble;
      return `row ${id ?? '?'} of its table ${table} has no sound ${column}: ${printable(reason)}`;
    }
  }
};

const FIELDS: Record<string, string> = { ip: 'address', publicKey: 'key', cidr: 'block' };

export const explainNote = (note: ImportNote): string => {
  switch (note.code) {
    case 'ServerRestored':
      return `the server's own peer was ${note.was}, which this server does not know: it is a redeemed, enabled admin`;
    case 'ServerUnreached':
      return 'the server has no endpoint at which peers could reach it: no invitation can be made before set-endpoint';
    case 'CidrOutsideNetwork':
      return `CIDR ${quote(note.name)} (${note.cidr}) lies outside the network ${note.network}: peers refuse its addresses`;
    case 'CidrOutsideParent':
      return `CIDR ${quote(note.name)} (${note.cidr}) lies outside its parent ${quote(note.parent)}`;
    case 'CidrElsewhere':
      return `CIDR ${quote(note.name)} (${note.cidr}) is under ${quote(note.parent)} and would belong under ${quote(note.belongsIn)}`;
    case 'CidrsOverlap':
      return `CIDRs ${quote(note.names[0])} and ${quote(note.names[1])} overlap`;
    case 'CidrHostBits':
      return `CIDR ${quote(note.name)} is written ${note.cidr}; its block is ${note.network}`;
    case 'CidrNameUnusual':
      return `CIDR ${quote(note.name)} has a name that could not be given here`;
    case 'NameReplaced':
      return `${note.kind} ${note.id} had no usable name and is now called ${quote(note.name)}`;
    case 'PeerOutsideNetwork':
      return `peer ${quote(note.name)} (${note.ip}) lies outside the network ${note.network}: other peers refuse its address`;
    case 'PeerOutsideCidr':
      return `peer ${quote(note.name)} (${note.ip}) lies outside its CIDR ${quote(note.cidr)}`;
    case 'PeerNotAssignable':
      return `peer ${quote(note.name)} has ${note.ip}, which no peer of ${note.cidr} could get here`;
    case 'PeerAboveCidrs':
      return `peer ${quote(note.name)} is in CIDR ${quote(note.cidr)}, which has CIDRs below it: it sees their peers, they do not see it`;
    case 'PeerBesideServer':
      return `peer ${quote(note.name)} is in the server's own CIDR: everybody sees it`;
    case 'PeerNameUnusual':
      return `peer ${quote(note.name)} has a name that could not be given here, and gets no line in hosts files`;
    case 'PeerNeverInvited':
      return `peer ${quote(note.name)} joined without an invitation, or before invitations had an end`;
    case 'InvitationEndless':
      return `the invitation of ${quote(note.name)} never ends`;
    case 'EndpointUnreadable':
      return `the endpoint ${quote(note.endpoint)} of ${quote(note.name)} is none and was left out`;
    case 'CandidatesUnreadable':
      return `some candidates of ${quote(note.name)} cannot be read and were left out`;
    case 'AssociationOfRoot':
      return `${quote(note.names[0])} and ${quote(note.names[1])} are associated, and one is the whole network`;
    case 'AssociationOfItself':
      return `CIDR ${quote(note.name)} is associated with itself`;
    case 'AssociationTwice':
      return `${quote(note.names[0])} and ${quote(note.names[1])} are associated twice: deleting the association takes two deletions`;
    case 'AssociationLoose':
      return `association ${note.id} between CIDRs ${note.cidrIds.join(' and ')} names one that does not exist and was left out`;
  }
};
