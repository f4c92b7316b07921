/** Parses the rows of innernet 2.0's database as its own server would. */
import * as z from 'zod';
import { Endpoint, SocketAddress } from '../values/endpoint.ts';
import { AssociationId, CidrId, PeerId, SERVER_PEER } from '../values/id.ts';
import { Ip, RecordedCidr } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import type { Timestamp } from '../values/time.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { ForeignNetwork } from './foreign-network.ts';
import type { ImportNote, ImportTrouble } from './import-note.ts';
import type { Peer } from './peer.ts';

/** Columns that the version lacks are absent. */
export type ForeignRows = {
  cidrs: readonly unknown[];
  peers: readonly unknown[];
  associations: readonly unknown[];
};

/** Not events, so they stay outside the network. */
export type ForeignCandidates = { id: PeerId; reported: SocketAddress[] };

export type ForeignReading =
  | {
      readable: true;
      network: Pick<ForeignNetwork, 'cidrs' | 'peers' | 'associations'>;
      candidates: ForeignCandidates[];
      notes: ImportNote[];
    }
  | { readable: false; trouble: ImportTrouble };

const flag = z
  .number()
  .int()
  .transform((value) => value !== 0);

const CidrRow = z.object({
  id: CidrId,
  name: z.string(),
  ip: Ip,
  prefix: z.number().int().nonnegative(),
  parent: CidrId.nullable(),
});

const PeerRow = z.object({
  id: PeerId,
  name: z.string(),
  ip: Ip,
  public_key: PublicKey,
  endpoint: z.string().nullable(),
  cidr_id: CidrId,
  is_admin: flag,
  is_disabled: flag,
  is_redeemed: flag,
  /** Unix time in seconds, from version 1. */
  invite_expires: z.number().int().nonnegative().nullable().default(null),
  /** JSON, from version 2. */
  candidates: z.string().nullable().default(null),
});
type PeerRow = z.infer<typeof PeerRow>;

const AssociationRow = z.object({ id: AssociationId, cidr_id_1: CidrId, cidr_id_2: CidrId });

/** The end of 9999 in Unix seconds: later means never. */
const END_OF_TIME = 253_402_300_799;

class Unreadable extends Error {
  readonly trouble: ImportTrouble;

  constructor(trouble: ImportTrouble) {
    super(trouble.code);
    this.trouble = trouble;
  }
}

/** Reads all rows, or names an unreadable one. Every change is noted. */
export const readForeignRows = (rows: ForeignRows): ForeignReading => {
  const reader = new Reader();
  try {
    const cidrs = rows.cidrs.map((row) => reader.cidr(row));
    const peers = rows.peers.map((row) => reader.peer(row));
    const associations = rows.associations.map((row) => reader.association(row));
    const { candidates, notes } = reader;
    return { readable: true, network: { cidrs, peers, associations }, candidates, notes };
  } catch (error) {
    if (error instanceof Unreadable) return { readable: false, trouble: error.trouble };
    throw error;
  }
};

class Reader {
  readonly notes: ImportNote[] = [];
  readonly candidates: ForeignCandidates[] = [];

  cidr(row: unknown): CidrNode {
    const { id, name, ip, prefix, parent } = parsed('cidrs', CidrRow, row);
    const cidr = RecordedCidr.safeParse(`${ip}/${prefix}`);
    if (!cidr.success) throw unreadable('cidrs', id, 'prefix', `${prefix} is none for ${ip}`);
    return { id, name: this.#name('CIDR', id, name), cidr: cidr.data, parentId: parent };
  }

  peer(row: unknown): Peer {
    const peer = parsed('peers', PeerRow, row);
    const name = this.#name('peer', peer.id, peer.name);
    this.#candidates(peer);
    return {
      id: peer.id,
      name,
      ip: peer.ip,
      cidrId: peer.cidr_id,
      publicKey: peer.public_key,
      isAdmin: peer.is_admin,
      isDisabled: peer.is_disabled,
      isRedeemed: peer.is_redeemed,
      inviteExpires: timestampOf(peer.invite_expires),
      endpoint: this.#endpoint(name, peer.endpoint),
    };
  }

  association(row: unknown): Association {
    const { id, cidr_id_1, cidr_id_2 } = parsed('associations', AssociationRow, row);
    return { id, cidrIds: [cidr_id_1, cidr_id_2] };
  }

  /** A name that the log cannot keep (empty, endless) is made from the id. */
  #name(kind: 'CIDR' | 'peer', id: number, name: string): string {
    if (RecordedName.safeParse(name).success) return name;
    const other = `${kind.toLowerCase()}-${id}`;
    this.notes.push({ code: 'NameReplaced', kind, id, name: other });
    return other;
  }

  /** innernet treats an unreadable endpoint as none. */
  #endpoint(name: string, text: string | null): Endpoint | null {
    if (text === null) return null;
    const endpoint = Endpoint.safeParse(text);
    if (endpoint.success) return endpoint.data;
    this.notes.push({ code: 'EndpointUnreadable', name, endpoint: text });
    return null;
  }

  /** Skips the server's own, which it finds at each start. */
  #candidates({ id, name, candidates }: PeerRow): void {
    if (candidates === null || id === SERVER_PEER) return;
    const { reported, whole } = candidatesIn(candidates);
    if (!whole) this.notes.push({ code: 'CandidatesUnreadable', name });
    if (reported.length > 0) this.candidates.push({ id, reported });
  }
}

const candidatesIn = (text: string): { reported: SocketAddress[]; whole: boolean } => {
  try {
    const list = z.array(z.unknown()).parse(JSON.parse(text));
    const reported = list.flatMap((item) => {
      const address = SocketAddress.safeParse(item);
      return address.success ? [address.data] : [];
    });
    return { reported, whole: reported.length === list.length };
  } catch {
    return { reported: [], whole: false };
  }
};

const timestampOf = (seconds: number | null): Timestamp | null =>
  seconds === null || seconds > END_OF_TIME ? null : (new Date(seconds * 1000).toISOString() as Timestamp);

const parsed = <S extends z.ZodType>(table: string, schema: S, row: unknown): z.output<S> => {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const id = (row as { id?: unknown } | null)?.id;
  const column = String(issue?.path[0] ?? 'columns');
  throw unreadable(table, typeof id === 'number' ? id : undefined, column, issue?.message ?? '');
};

const unreadable = (table: string, id: number | undefined, column: string, reason: string): Unreadable =>
  new Unreadable({ code: 'UnreadableRow', table, id, column, reason });
