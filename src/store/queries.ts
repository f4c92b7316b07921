/** The contract of a log's read models: questions about the past, answered at once on this machine. */
import type { EventRecord } from '../events/record.ts';
import type { EventType } from '../events/schema.ts';
import type { Thing } from '../events/subject.ts';
import type { AssociationId, CidrId, Hash, PeerId, Position } from '../values/id.ts';
import type { Cidr, Ip } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { Timestamp } from '../values/time.ts';

export type NamedKind = 'cidr' | 'peer' | 'route';
export type Named = { kind: NamedKind; id: number };

/** A name in [from, until). */
export type NameSpan = { from: Position; until: Position; name: string };

/** Salt and digest are for verification only. */
export type ToldRecord = Pick<
  EventRecord,
  'position' | 'id' | 'commandId' | 'type' | 'recordedAt' | 'actor' | 'body' | 'hash'
>;

/** A missing condition matches everything; `actors` are sealed texts. */
export type RecordFilter = {
  types?: readonly EventType[] | undefined;
  actors?: readonly string[] | undefined;
  about?: readonly Thing[] | undefined;
};

/** At most `limit` records in (after, until]. */
export type Stretch = { after: Position; until: Position; limit: number; reverse: boolean };

/** As it is, or was at its end. Until redeemed the key is the invitation's. */
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

/** An association, also a deleted one. */
export type EndsRow = { id: AssociationId; cidrIds: readonly [CidrId, CidrId] };

export interface LogQueries {
  /** An event is about what it names, and about the CIDR of a peer that it adds. */
  records(filter: RecordFilter, stretch: Stretch): ToldRecord[];
  /**
   * What decides up to `until` whether two peers can talk: records about them, the CIDRs around them, and
   * associations of these.
   */
  recordsOfPair(pair: readonly [PeerId, PeerId], until: Position): EventRecord[];
  /** Sealed texts of all who carried out a command. */
  actors(): string[];
  /** The digests of the records in (after, to]. */
  digests(after: Position, to: Position): Hash[];
  /** Earliest recording time in (after, to]. */
  earliest(after: Position, to: Position): Timestamp | undefined;
  /** Last position in (after, to] recorded at or before a time. */
  lastRecordedBy(time: Timestamp, after: Position, to: Position): Position | undefined;
  /**
   * Some names of a thing, in order: the one at a position, if any, and later or (`back`) earlier ones. The
   * newest ends after the head.
   */
  namesOf(thing: Named, position: Position, direction: 'onward' | 'back'): NameSpan[];
  /** Things that ever had the name, peers first, then CIDRs, then routes, by id; `from`: start of the last span. */
  everCalled(name: string): (Named & { from: Position })[];
  /** Peers by id, ended ones too; all, or those with this name, address or key. */
  peers(where?: Partial<Pick<PeerRow, 'name' | 'ip' | 'publicKey'>>): PeerRow[];
  /** Present CIDRs by id; all, or those with this name or block. */
  cidrs(where?: Partial<Pick<CidrRow, 'name' | 'cidr'>>): CidrRow[];
  /** The CIDRs of an association, also of a deleted one. */
  endsOf(id: AssociationId): readonly [CidrId, CidrId] | undefined;
  /** All associations by id, deleted ones too. */
  associations(): EndsRow[];
}
