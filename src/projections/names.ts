/** What peers and CIDRs were called at a position of the log. */
import type { Database, Statement } from 'better-sqlite3';
import type { AssociationId, CidrId, Position } from '../values/id.ts';

export type NamedKind = 'cidr' | 'peer';

type Entry = { from: Position; until: Position; name: string };
type Found = { from: Position; name: string; next: Position | null };

/** Entries kept at most: reading a long history stays flat in memory. */
const KEPT = 20_000;

export class NamesAt {
  readonly #at: Statement<[Position, string, number, Position], Found>;
  readonly #head: Statement<[], Position | null>;
  readonly #ends: Statement<[AssociationId], [CidrId, CidrId]>;
  readonly #known = new Map<string, Entry>();

  constructor(db: Database) {
    this.#at = db.prepare(`
      SELECT from_position AS "from", name, (
        SELECT min(from_position) FROM names later
        WHERE later.kind = names.kind AND later.id = names.id AND later.from_position > ?) AS next
      FROM names WHERE kind = ? AND id = ? AND from_position <= ? ORDER BY from_position DESC LIMIT 1`);
    this.#head = db.prepare<[], Position | null>('SELECT max(position) FROM events').pluck();
    this.#ends = db
      .prepare<[AssociationId], [CidrId, CidrId]>('SELECT cidr_a, cidr_b FROM ends WHERE association_id = ?')
      .raw();
  }

  /** The name that a thing had right after the event at this position; undefined before it had one. */
  nameOf(kind: NamedKind, id: number, position: Position): string | undefined {
    const key = `${kind} ${id}`;
    const known = this.#known.get(key);
    if (known && known.from <= position && position < known.until) return known.name;
    const entry = this.#lookUp(kind, id, position);
    if (!entry) return undefined;
    if (this.#known.size >= KEPT) this.#known.clear();
    this.#known.set(key, entry);
    return entry.name;
  }

  /** The CIDRs that an association joins, or joined. */
  endsOf(id: AssociationId): [CidrId, CidrId] | undefined {
    return this.#ends.get(id);
  }

  #lookUp(kind: NamedKind, id: number, position: Position): Entry | undefined {
    const found = this.#at.get(position, kind, id, position);
    if (!found) return undefined;
    const { from, name, next } = found;
    // Where nothing newer is known yet, a later event may still bring it.
    return { from, name, until: next ?? (this.#head.get() ?? 0) + 1 };
  }
}

/** What everything was called right after the event at this position. */
export const namesAt = (
  db: Database,
  position: Position,
): ((kind: NamedKind, id: number) => string | undefined) => {
  const names = new NamesAt(db);
  return (kind, id) => names.nameOf(kind, id, position);
};
