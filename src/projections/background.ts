/** Explains a refusal from the log: who caused it, and when, in ISO 8601, UTC. */

import { nameText } from '../domain/name-text.ts';
import type { Rejection, RejectionCode } from '../domain/rejection.ts';
import type { EventType } from '../events/schema.ts';
import type { Thing } from '../events/subject.ts';
import type { LogQueries, NamedKind, PeerRow, ToldRecord } from '../store/queries.ts';
import type { Ip } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { History } from './history.ts';

type Facts<C extends RejectionCode> = Extract<Rejection, { code: C }>;
type Tellers = { [C in RejectionCode]?: (facts: Facts<C>) => string | undefined };

const listed = (parts: (string | undefined)[]): string | undefined => {
  const said = parts.filter((part) => part !== undefined);
  return said.length > 0 ? said.join(', ') : undefined;
};

export class Background {
  readonly #queries: LogQueries;
  readonly #history: History;

  /** `history` must leave times as they are. */
  constructor(queries: LogQueries, history: History) {
    this.#queries = queries;
    this.#history = history;
  }

  /** A clause such as `bob was added by ann at … (position 7)`; undefined if the log adds nothing. */
  of(rejection: Rejection): string | undefined {
    const teller = this.#tellers[rejection.code] as ((facts: Rejection) => string | undefined) | undefined;
    return teller?.(rejection);
  }

  readonly #tellers: Tellers = {
    PeerNameTaken: ({ name }) => this.#peerCalled(name),
    IpTaken: ({ by }) => this.#peerCalled(by),
    IpRetired: ({ ip }) => this.#deletedPeer({ ip }),
    KeyTaken: ({ key }) => this.#holderOf(key),
    KeyRetired: ({ key }) => this.#deletedPeer({ publicKey: key }),
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

  #told(what: string, thing: Thing | undefined, type: EventType): string | undefined {
    const record = thing && this.#last(thing, type);
    if (!record) return undefined;
    const who = this.#history.who(this.#history.entryOf(record));
    return `${what} by ${who} at ${record.recordedAt} (position ${record.position})`;
  }

  /** Of additions the first counts: later ones mention the CIDR as a parent. */
  #last(thing: Thing, type: EventType): ToldRecord | undefined {
    const whole = { after: 0, until: Number.MAX_SAFE_INTEGER, limit: 1 };
    const reverse = !type.endsWith('Added');
    return this.#queries.records({ types: [type], about: [thing] }, { ...whole, reverse })[0];
  }

  #peer(wanted: { name: string } | { publicKey: PublicKey }): PeerRow | undefined {
    return this.#queries.peers(wanted).find(({ ended }) => ended === null);
  }

  #cidrThing(name: string): Thing | undefined {
    const [cidr] = this.#queries.cidrs({ name });
    return cidr && { kind: 'cidr', id: cidr.id };
  }

  #peerCalled(name: string): string | undefined {
    const peer = this.#peer({ name });
    return listed([
      this.#told(`${nameText(name)} was added`, thingOf(peer), 'PeerAdded'),
      peer?.isDisabled ? this.#told('disabled', thingOf(peer), 'PeerDisabled') : undefined,
    ]);
  }

  #ofPeer(name: string, type: EventType, what: string): string | undefined {
    return this.#told(what, thingOf(this.#peer({ name })), type);
  }

  #holderOf(publicKey: PublicKey): string | undefined {
    const peer = this.#peer({ publicKey });
    return peer && this.#peerCalled(peer.name);
  }

  #deletedPeer(wanted: { ip: Ip } | { publicKey: PublicKey }): string | undefined {
    const peer = this.#queries.peers(wanted).find(({ ended }) => ended === 'deleted');
    if (!peer) return undefined;
    return this.#told(`it was ${nameText(peer.name)}'s, who was deleted`, thingOf(peer), 'PeerDeleted');
  }

  #cidrCalled(name: string): string | undefined {
    return this.#told(`${nameText(name)} was added`, this.#cidrThing(name), 'CidrAdded');
  }

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
    if (!record) return undefined;
    const { name: present } = JSON.parse(record.body) as { name: string };
    return this.#told(`${nameText(name)} is called ${nameText(present)}: renamed`, thing, type);
  }

  #lastCalled(kind: NamedKind, name: string): Thing | undefined {
    const [last] = this.#queries
      .everCalled(name)
      .filter((each) => each.kind === kind)
      .toSorted((one, other) => other.from - one.from);
    return last && ({ kind, id: last.id } as Thing);
  }

  #association(names: readonly string[], type: EventType, what: string): string | undefined {
    const [left, right] = names.map((name) => this.#cidrThing(name)?.id);
    if (left === undefined || right === undefined) return undefined;
    const last = this.#queries
      .associations()
      .findLast(({ cidrIds: [a, b] }) => (a === left && b === right) || (a === right && b === left));
    return last && this.#told(what, { kind: 'association', id: last.id }, type);
  }
}

const thingOf = (peer: PeerRow | undefined): Thing | undefined => peer && { kind: 'peer', id: peer.id };
