/** The contract of a log's read models: questions about the past, answered at once by this machine's own copy. */
import type { EventRecord } from '../events/record.ts';
import type { EventType } from '../events/schema.ts';
import type { AssociationId, CidrId, Hash, PeerId, Position } from '../values/id.ts';
import type { Cidr, Ip } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { Timestamp } from '../values/time.ts';

/** What an event can be about. */
export type Thing =
  | { kind: 'peer'; id: PeerId }
  | { kind: 'cidr'; id: CidrId }
  | { kind: 'association'; id: AssociationId };

export type NamedKind = 'cidr' | 'peer';
export type Named = { kind: NamedKind; id: number };

/** A name and the positions at which it was the name: from `from`, up to and without `until`. */
export type NameSpan = { from: Position; until: Position; name: string };

/** What of a record is told; salt and digest are for those who check. */
export type ToldRecord = Pick<
  EventRecord,
  'position' | 'id' | 'commandId' | 'type' | 'recordedAt' | 'actor' | 'body' | 'hash'
>;

/** Each condition left out lets everything through. `actors` are sealed texts. */
export type RecordFilter = {
  types?: readonly EventType[] | undefined;
  actors?: readonly string[] | undefined;
  about?: readonly Thing[] | undefined;
};

/** The records in (after, until], at most `limit` of them, oldest or newest first. */
export type Stretch = { after: Position; until: Position; limit: number; reverse: boolean };

/** A peer as it is now, or as it was when it ended. Until redeemed its key is the invitation's. */
export type PeerRow = {
  id: PeerId;
  name: string;
  ip: Ip;
  cidrId: CidrId;
  publicKey: PublicKey;
  isDisabled: boolean;
  ended: 'deleted' | 'expired' | 'revoked' | null;
};

export type CidrRow = { id: CidrId; name: string; cidr: Cidr };

/** An association that there is or was. */
export type EndsRow = { id: AssociationId; cidrIds: readonly [CidrId, CidrId] };

export interface LogQueries {
  /** An event is about what it names; one that adds a peer is also about its CIDR. */
  records(filter: RecordFilter, stretch: Stretch): ToldRecord[];
  /**
   * The records up to a position that decide whether two peers can talk: those about the two, about the CIDRs around
   * them, and about the associations among those CIDRs.
   */
  recordsOfPair(pair: readonly [PeerId, PeerId], until: Position): EventRecord[];
  /** The sealed texts of all who ever carried out a command. */
  actors(): string[];
  /** The digests of the records in (after, to]. */
  digests(after: Position, to: Position): Hash[];
  /** The earliest time at which a record in (after, to] was recorded. */
  earliest(after: Position, to: Position): Timestamp | undefined;
  /** The last position in (after, to] that was recorded at or before a time. */
  lastRecordedBy(time: Timestamp, after: Position, to: Position): Position | undefined;
  /**
   * Some names of a thing, in order: the one at a position, if it had one, and those that follow it, or, with `back`,
   * went before it. The newest one lasts until after the head.
   */
  namesOf(thing: Named, position: Position, direction: 'onward' | 'back'): NameSpan[];
  /** What was ever called so, peers first, then by id; `from`: where it got that name last. */
  everCalled(name: string): (Named & { from: Position })[];
  /** Peers that there are or were, by id; all, or those with this name, address or key. */
  peers(where?: Partial<Pick<PeerRow, 'name' | 'ip' | 'publicKey'>>): PeerRow[];
  /** The CIDRs of now, by id; all, or those with this name or block. */
  cidrs(where?: Partial<Pick<CidrRow, 'name' | 'cidr'>>): CidrRow[];
  /** The CIDRs that an association joins, or joined. */
  endsOf(id: AssociationId): readonly [CidrId, CidrId] | undefined;
  /** All associations that there are or were, by id. */
  associations(): EndsRow[];
}
