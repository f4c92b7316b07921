/** What the log knows of why a rule refused: who made it so, and when. Moments are in ISO 8601, UTC. */
import type { Database } from 'better-sqlite3';
import { nameText } from '../domain/name-text.ts';
import type { Rejection, RejectionCode } from '../domain/rejection.ts';
import type { EventRecord } from '../events/record.ts';
import type { EventType, NetworkEvent } from '../events/schema.ts';
import { eventOf } from '../events/upcast.ts';
import { type Cells, COLUMNS, recordOf } from '../store/reader.ts';
import { positionsAbout } from './about.ts';
import type { History } from './history.ts';
import type { Thing } from './history-tables.ts';

type Facts<C extends RejectionCode> = Extract<Rejection, { code: C }>;
type Tellers = { [C in RejectionCode]?: (facts: Facts<C>) => string | undefined };

const listed = (parts: (string | undefined)[]): string | undefined => {
  const said = parts.filter((part) => part !== undefined);
  return said.length > 0 ? said.join(', ') : undefined;
};

export class Background {
  readonly #db: Database;
  readonly #history: History;

  /** `history` must write moments as they are. */
  constructor(db: Database, history: History) {
    this.#db = db;
    this.#history = history;
  }

  /** A clause such as `bob was added by ann at … (position 7)`; undefined where the log has nothing to add. */
  of(rejection: Rejection): string | undefined {
    const teller = this.#tellers[rejection.code] as ((facts: Rejection) => string | undefined) | undefined;
    return teller?.(rejection);
  }

  readonly #tellers: Tellers = {
    PeerNameTaken: ({ name }) => this.#peerCalled(name),
    IpTaken: ({ by }) => this.#peerCalled(by),
    IpRetired: ({ ip }) => this.#deletedPeer('ip', ip),
    KeyTaken: ({ key }) => this.#holderOf(key),
    KeyRetired: ({ key }) => this.#deletedPeer('public_key', key),
    PeerIsDisabled: ({ name }) => this.#ofPeer(name, 'PeerDisabled', 'it was disabled'),
    AlreadyRedeemed: ({ name }) => this.#ofPeer(name, 'InvitationRedeemed', 'it was redeemed'),
    InvitationEnded: ({ name }) => this.#ofPeer(name, 'PeerAdded', 'it was issued'),
    PeerHasEnded: ({ name }) => this.#ofPeer(name, 'PeerExpirySet', 'its end was set'),
    UnknownPeer: ({ peer }) => (typeof peer === 'string' ? this.#formerPeer(peer) : undefined),
    UnknownCidr: ({ cidr }) => (typeof cidr === 'string' ? this.#formerCidr(cidr) : undefined),
    CidrNameTaken: ({ name }) => this.#cidrCalled(name),
    CidrTaken: ({ name }) => this.#cidrCalled(name),
    CidrOverlaps: ({ sibling }) => this.#cidrCalled(sibling),
    CidrHasAssociations: ({ name, with: other }) =>
      this.#association([name, other], 'AssociationAdded', 'they were associated'),
    AssociationExists: ({ names }) => this.#association(names, 'AssociationAdded', 'they were associated'),
    UnknownAssociation: ({ names }) =>
      this.#association(names, 'AssociationDeleted', 'their association was ended'),
  };

  /** `WHAT by ann at 2026-… (position 7)`, of the last such event. */
  #told(what: string, thing: Thing | undefined, type: EventType): string | undefined {
    const record = thing && this.#last(thing, type);
    if (!record) return undefined;
    const who = this.#history.who(this.#history.entryOf(record));
    return `${what} by ${who} at ${record.recordedAt} (position ${record.position})`;
  }

  /** A CIDR is added once, and mentioned again where others are added to it: of additions the first counts. */
  #last(thing: Thing, type: EventType): EventRecord | undefined {
    const order = type.endsWith('Added') ? 'ASC' : 'DESC';
    const { sql, values } = positionsAbout([thing]);
    const cells = this.#db
      .prepare<unknown[], Cells>(`
        SELECT ${COLUMNS} FROM events WHERE position IN (${sql}) AND type = ?
        ORDER BY position ${order} LIMIT 1`)
      .raw()
      .get(...values, type);
    return cells && recordOf(cells);
  }

  #peerThing(name: string): Thing | undefined {
    return this.#thing('peer', 'SELECT id FROM peers WHERE name = ? AND ended IS NULL', name);
  }

  #cidrThing(name: string): Thing | undefined {
    return this.#thing('cidr', 'SELECT id FROM cidrs WHERE name = ?', name);
  }

  #thing(kind: 'peer' | 'cidr', sql: string, value: string): Thing | undefined {
    const id = this.#db.prepare<[string], number>(sql).pluck().get(value);
    return id === undefined ? undefined : ({ kind, id } as Thing);
  }

  #peerCalled(name: string): string | undefined {
    const thing = this.#peerThing(name);
    const isDisabled =
      thing &&
      this.#db.prepare<[number], number>('SELECT is_disabled FROM peers WHERE id = ?').pluck().get(thing.id);
    return listed([
      this.#told(`${nameText(name)} was added`, thing, 'PeerAdded'),
      isDisabled ? this.#told('disabled', thing, 'PeerDisabled') : undefined,
    ]);
  }

  #ofPeer(name: string, type: EventType, what: string): string | undefined {
    return this.#told(what, this.#peerThing(name), type);
  }

  #holderOf(key: string): string | undefined {
    const name = this.#db
      .prepare<[string], string>('SELECT name FROM peers WHERE public_key = ? AND ended IS NULL')
      .pluck()
      .get(key);
    return name === undefined ? undefined : this.#peerCalled(name);
  }

  #deletedPeer(column: 'ip' | 'public_key', value: string): string | undefined {
    const row = this.#db
      .prepare<[string], { id: number; name: string }>(
        `SELECT id, name FROM peers WHERE ${column} = ? AND ended = 'deleted'`,
      )
      .get(value);
    if (!row) return undefined;
    return this.#told(
      `it was ${nameText(row.name)}'s, who was deleted`,
      { kind: 'peer', id: row.id } as Thing,
      'PeerDeleted',
    );
  }

  #cidrCalled(name: string): string | undefined {
    return this.#told(`${nameText(name)} was added`, this.#cidrThing(name), 'CidrAdded');
  }

  /** What became of a peer that was called so. */
  #formerPeer(name: string): string | undefined {
    const thing = this.#lastCalled('peer', name);
    if (!thing) return undefined;
    const endings = [
      ['PeerDeleted', 'deleted'],
      ['InvitationRevoked', 'taken back before it joined'],
      ['InvitationExpired', 'ended, as its invitation was not used,'],
    ] as const;
    for (const [type, what] of endings) {
      const told = this.#told(`${nameText(name)} was ${what}`, thing, type);
      if (told) return told;
    }
    return this.#renamed(name, thing, 'PeerRenamed');
  }

  #formerCidr(name: string): string | undefined {
    const thing = this.#lastCalled('cidr', name);
    return (
      this.#told(`${nameText(name)} was deleted`, thing, 'CidrDeleted') ??
      (thing && this.#renamed(name, thing, 'CidrRenamed'))
    );
  }

  #renamed(name: string, thing: Thing, type: 'PeerRenamed' | 'CidrRenamed'): string | undefined {
    const record = this.#last(thing, type);
    const event: NetworkEvent | undefined = record && eventOf(record);
    if (event?.type !== type) return undefined;
    return this.#told(`${nameText(name)} is called ${nameText(event.name)}: renamed`, thing, type);
  }

  #lastCalled(kind: 'peer' | 'cidr', name: string): Thing | undefined {
    return this.#thing(
      kind,
      `SELECT id FROM names WHERE kind = '${kind}' AND name = ? ORDER BY from_position DESC LIMIT 1`,
      name,
    );
  }

  #association(names: readonly string[], type: EventType, what: string): string | undefined {
    const [left, right] = names.map((name) => this.#cidrThing(name)?.id);
    if (left === undefined || right === undefined) return undefined;
    const id = this.#db
      .prepare<number[], number>(`
        SELECT association_id FROM ends WHERE (cidr_a = ? AND cidr_b = ?) OR (cidr_a = ? AND cidr_b = ?)
        ORDER BY association_id DESC LIMIT 1`)
      .pluck()
      .get(left, right, right, left);
    return id === undefined ? undefined : this.#told(what, { kind: 'association', id } as Thing, type);
  }
}
