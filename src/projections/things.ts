/**
 * Finds the peer, CIDR, route or association that a name means, now or ever: `bob`, `peer:bob`, `cidr:humans`,
 * `route:office`, `bob@12` (so named at position 12), an address, a block, `humans and machines`.
 */

import type { EventType } from '../events/schema.ts';
import type { Thing } from '../events/subject.ts';
import type { LogQueries, Named } from '../store/queries.ts';
import { Failure } from '../values/failure.ts';
import type { CidrId, PeerId, Position, RouteId } from '../values/id.ts';
import { Ip, RecordedCidr } from '../values/ip.ts';
import { NamesAt } from './names.ts';

const KINDS = { peer: 'peer', cidr: 'CIDR', route: 'route' } as const;

const ENDINGS = new Set<EventType>(['PeerDeleted', 'InvitationRevoked', 'InvitationExpired']);

export class Things {
  readonly #queries: LogQueries;
  readonly #names: NamesAt;

  constructor(queries: LogQueries) {
    this.#queries = queries;
    this.#names = new NamesAt(queries);
  }

  /** Throws `Failure` for unknown or ambiguous names. */
  about(text: string): Thing[] {
    const found = this.#named(text);
    if (found.length > 1) throw this.#ambiguous(text, found);
    if (found.length === 1) return found as Thing[];
    const associations = this.#association(text);
    if (associations.length > 0) return associations;
    throw unknown(text, 'peer, CIDR, route or association');
  }

  /**
   * The peer with the name at a position, else the one that had it before. `among` limits the candidates, so
   * that others make no name ambiguous. Throws `Failure`.
   */
  peer(text: string, position: Position, among?: ReadonlySet<PeerId>): PeerId {
    const ever = this.#peersNamed(text).filter(({ id }) => among?.has(id as PeerId) ?? true);
    const found = ever.filter((each) => this.#nameOf(each, position) !== undefined);
    const called = found.filter((each) => isAddress(text) || this.#nameOf(each, position) === plainly(text));
    const [one, ...more] = this.#presentFirst(called.length > 0 ? called : found, position);
    if (!one) throw unknown(text, 'peer', ever.length === 0 ? undefined : position);
    if (more.length > 0) throw this.#ambiguous(text, [one, ...more]);
    return one.id as PeerId;
  }

  peersMeant(text: string): PeerId[] {
    return this.#peersNamed(text).map(({ id }) => id as PeerId);
  }

  /** Routes that ever had the name, the newest last. Throws `Failure` where there are none. */
  routes(text: string): RouteId[] {
    const found = this.#named(text).filter(({ kind }) => kind === 'route');
    if (found.length === 0) throw unknown(text, 'route');
    return found.map(({ id }) => id as RouteId).sort((left, right) => left - right);
  }

  peersCalled(name: string): PeerId[] {
    return this.#queries
      .everCalled(name)
      .filter(({ kind }) => kind === 'peer')
      .map(({ id }) => id as PeerId);
  }

  #peersNamed(text: string): Named[] {
    return this.#named(text).filter(({ kind }) => kind === 'peer');
  }

  #named(text: string): Named[] {
    const whole = this.#queries.everCalled(text);
    if (whole.length > 0) return whole;
    const [, kind, name = '', , at] = /^(?:(peer|cidr|route):)?(.+?)(@(\d{1,16}))?$/s.exec(text) ?? [];
    const ofKind = [...this.#queries.everCalled(name), ...this.#at(name)].filter(
      (found) => kind === undefined || found.kind === kind,
    );
    if (at === undefined) return ofKind;
    const then = ofKind.filter((found) => this.#nameOf(found, Number(at)) === name);
    return this.#presentFirst(then, Number(at));
  }

  /** Returns all if none is present. */
  #presentFirst(found: Named[], position: Position): Named[] {
    const present = found.filter(({ kind, id }) => kind !== 'peer' || !this.#isGone(id, position));
    return present.length > 0 ? present : found;
  }

  #nameOf({ kind, id }: Named, position: Position): string | undefined {
    return this.#names.nameOf(kind, id, position);
  }

  #at(text: string): Named[] {
    const ip = Ip.safeParse(text).data;
    if (ip) return this.#queries.peers({ ip }).map(({ id }) => ({ kind: 'peer', id }));
    const cidr = RecordedCidr.safeParse(text).data;
    return cidr ? this.#queries.cidrs({ cidr }).map(({ id }) => ({ kind: 'cidr', id })) : [];
  }

  /** Two CIDRs, in either order. */
  #association(text: string): Thing[] {
    const [left, right, ...rest] = text.split(/\s*,\s*|\s+and\s+|\s+–\s+/);
    if (left === undefined || right === undefined || rest.length > 0) return [];
    const ids = (name: string): CidrId[] =>
      this.#named(name).flatMap(({ kind, id }) => (kind === 'cidr' ? [id as CidrId] : []));
    const [lefts, rights] = [ids(left), ids(right)];
    const doJoin = ([a, b]: readonly [CidrId, CidrId]): boolean =>
      (lefts.includes(a) && rights.includes(b)) || (lefts.includes(b) && rights.includes(a));
    return this.#queries
      .associations()
      .filter(({ cidrIds }) => doJoin(cidrIds))
      .map(({ id }) => ({ kind: 'association', id }));
  }

  #isGone(id: number, position: Position): boolean {
    const about: Thing[] = [{ kind: 'peer', id: id as PeerId }];
    const stretch = { after: 0, until: position, limit: 1, reverse: true };
    const [last] = this.#queries.records({ about }, stretch);
    return last !== undefined && ENDINGS.has(last.type);
  }

  #ambiguous(text: string, found: readonly Named[]): Failure {
    const addedAt = (thing: Named) => this.#queries.namesOf(thing, 0, 'onward')[0]?.from ?? 0;
    const things = found.map((thing) => `the ${KINDS[thing.kind]} added at position ${addedAt(thing)}`);
    const kinds = new Set(found.map(({ kind }) => kind));
    const plain = plainly(text);
    const ways =
      kinds.size > 1
        ? [...kinds].map((kind) => `${kind}:${plain}`).join(' or ')
        : `its address, or ${plain}@POSITION for what was called so then`;
    return new Failure(`"${text}" can mean ${found.length} things: ${things.slice(0, 5).join(', ')}`, {
      hint: `say which: ${ways}`,
    });
  }
}

const plainly = (text: string): string => text.replace(/^(peer|cidr|route):|@\d+$/g, '');

const LISTS: { [what: string]: string } = { peer: 'list-peers', route: 'list-routes' };

const isAddress = (text: string): boolean => Ip.safeParse(plainly(text)).success;

const unknown = (text: string, what: string, position?: Position): Failure =>
  new Failure(
    `no ${what} was ever called "${text}"${position === undefined ? '' : ` up to position ${position}`}`,
    { hint: 'the names of today are listed by', verb: LISTS[what] ?? 'state' },
  );
