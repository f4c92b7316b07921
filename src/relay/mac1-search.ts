/** Whom an initiation means, and whose mailbox speaks: found by comparing `mac1`, within allowances. */
import { hostOf, type SocketAddress } from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import { Allowance, Allowances, type Rate } from './allowance.ts';
import type { Member, Members } from './members.ts';

const MAX_PEERS = 100_000;

export type SearchLimits = {
  /** Comparisons of `mac1`, some 12 µs each. */
  tries: Rate;
  /** Of these, to find whom one peer means. */
  triesOfOne: Rate;
  /** And for hosts where no peer is expected. */
  triesForStrangers: Rate;
};

export class Mac1Search {
  readonly #members: Members;
  readonly #mayTalk: (left: PeerId, right: PeerId) => boolean;
  readonly #tries: Allowance;
  readonly #triesOfOne: Allowances<PeerId>;
  readonly #triesForStrangers: Allowance;
  /** Who may be meant by a peer's initiation; whom it began with last comes first. */
  readonly #partners = new Map<PeerId, Member[]>();

  constructor(members: Members, mayTalk: (left: PeerId, right: PeerId) => boolean, limits: SearchLimits) {
    this.#members = members;
    this.#mayTalk = mayTalk;
    this.#tries = new Allowance(limits.tries);
    this.#triesOfOne = new Allowances(limits.triesOfOne, MAX_PEERS);
    this.#triesForStrangers = new Allowance(limits.triesForStrangers);
  }

  /** Others may talk now. */
  forget(): void {
    this.#partners.clear();
  }

  /** `busy`: it has sent too much that is for nobody. */
  meant(member: Member, packet: Uint8Array, now: number): Member | 'busy' | undefined {
    const partners = this.#partnersOf(member);
    for (const [place, partner] of partners.entries()) {
      if (!this.#triesOfOne.take(member.id, now) || !this.#tries.take(now)) return 'busy';
      if (!partner.ownMac.isOf(packet)) continue;
      partners.splice(place, 1);
      partners.unshift(partner);
      return partner;
    }
    return undefined;
  }

  /** Whose mailbox speaks, of the peers of that host. */
  expected(packet: Uint8Array, from: SocketAddress, now: number): Member | undefined {
    for (const member of this.#members.on(hostOf(from) as Ip)) {
      if (!this.#tries.take(now)) return undefined;
      if (member.mailboxMac.isOf(packet)) return member;
    }
    return undefined;
  }

  /** Or of all peers, by a smaller allowance. */
  guessed(packet: Uint8Array, now: number): Member | undefined {
    for (const member of this.#members.all()) {
      if (!this.#triesForStrangers.take(now) || !this.#tries.take(now)) return undefined;
      if (member.mailboxMac.isOf(packet)) return member;
    }
    return undefined;
  }

  #partnersOf(member: Member): Member[] {
    const known = this.#partners.get(member.id);
    if (known) return known;
    const partners = Array.from(this.#members.all()).filter(({ id }) => this.#mayTalk(member.id, id));
    this.#partners.set(member.id, partners);
    return partners;
  }
}
