/** What peers and CIDRs were called at a position of the log. */
import type { Database, Statement } from 'better-sqlite3';
import type { AssociationId, CidrId, Position } from '../values/id.ts';

export type NamedKind = 'cidr' | 'peer';

/** A name, and the positions at which it was the name: from this one, up to and without that one. */
type Entry = { from: Position; until: Position; name: string };
type Row = [from: Position, name: string];

/** Names of one thing that are read at once, since they lie side by side and a long history needs them in order. */
const TOGETHER = 64;

/** Entries kept at most: reading a long history stays flat in memory. */
const KEPT = 131_072;

export class NamesAt {
  readonly #onward: Statement<[string, number, string, number, Position], Row>;
  readonly #back: Statement<[string, number, Position], Row>;
  readonly #next: Statement<[string, number, Position], Position | null>;
  readonly #head: Statement<[], Position | null>;
  readonly #ends: Statement<[AssociationId], [CidrId, CidrId]>;
  readonly #known = new Map<string, readonly Entry[]>();
  #kept = 0;
  /** Where was looked last: whoever goes back wants earlier names next. */
  #last: Position = 0;

  constructor(db: Database) {
    const ofThing = 'FROM names WHERE kind = ? AND id = ?';
    this.#onward = db
      .prepare<[string, number, string, number, Position], Row>(`
        SELECT from_position, name ${ofThing} AND from_position >=
          (SELECT max(from_position) ${ofThing} AND from_position <= ?)
        ORDER BY from_position LIMIT ${TOGETHER + 1}`)
      .raw();
    this.#back = db
      .prepare<[string, number, Position], Row>(`
        SELECT from_position, name ${ofThing} AND from_position <= ?
        ORDER BY from_position DESC LIMIT ${TOGETHER}`)
      .raw();
    this.#next = db
      .prepare<[string, number, Position], Position | null>(
        `SELECT min(from_position) ${ofThing} AND from_position > ?`,
      )
      .pluck();
    this.#head = db.prepare<[], Position | null>('SELECT max(position) FROM events').pluck();
    this.#ends = db
      .prepare<[AssociationId], [CidrId, CidrId]>('SELECT cidr_a, cidr_b FROM ends WHERE association_id = ?')
      .raw();
  }

  /** The name that a thing had right after the event at this position; undefined before it had one. */
  nameOf(kind: NamedKind, id: number, position: Position): string | undefined {
    const key = `${kind} ${id}`;
    const isThen = ({ from, until }: Entry): boolean => from <= position && position < until;
    const known = this.#known.get(key);
    const found = known?.find(isThen);
    if (found) return found.name;
    const entries =
      position < this.#last ? this.#before(kind, id, position) : this.#after(kind, id, position);
    this.#last = position;
    this.#keep(key, entries, known?.length ?? 0);
    return entries.find(isThen)?.name;
  }

  /** The CIDRs that an association joins, or joined. */
  endsOf(id: AssociationId): [CidrId, CidrId] | undefined {
    return this.#ends.get(id);
  }

  #keep(key: string, entries: readonly Entry[], instead: number): void {
    this.#kept += entries.length - instead;
    if (this.#kept > KEPT) {
      this.#known.clear();
      this.#kept = entries.length;
    }
    this.#known.set(key, entries);
  }

  /** The name at a position and some that follow. */
  #after(kind: NamedKind, id: number, position: Position): Entry[] {
    const open = this.#open();
    const rows = this.#onward.all(kind, id, kind, id, position);
    const beyond = rows.length > TOGETHER ? rows.pop()?.[0] : undefined;
    return entriesOf(rows, beyond ?? open);
  }

  /** The name at a position and some that went before. */
  #before(kind: NamedKind, id: number, position: Position): Entry[] {
    const open = this.#open();
    const rows = this.#back.all(kind, id, position).reverse();
    return entriesOf(rows, this.#next.get(kind, id, position) ?? open);
  }

  /** Where nothing newer is known yet, a later event may still bring it; asked first, as others may be writing. */
  #open(): Position {
    return (this.#head.get() ?? 0) + 1;
  }
}

const entriesOf = (rows: readonly Row[], end: Position): Entry[] =>
  rows.map(([from, name], index) => ({ from, name, until: rows[index + 1]?.[0] ?? end }));
