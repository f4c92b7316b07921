/** Members of the streams, by CIDR and by peer. */
import type { CidrId, PeerId } from '../../values/id.ts';
import type { Member } from './member.ts';

const add = <K>(map: Map<K, Set<Member>>, key: K, member: Member): void => {
  const known = map.get(key);
  if (known) known.add(member);
  else map.set(key, new Set([member]));
};

const remove = <K>(map: Map<K, Set<Member>>, key: K, member: Member): void => {
  const known = map.get(key);
  known?.delete(member);
  if (known?.size === 0) map.delete(key);
};

export class Audience {
  readonly #byCidr = new Map<CidrId, Set<Member>>();
  readonly #byPeer = new Map<PeerId, Set<Member>>();
  readonly #behind = new Set<Member>();

  enter(member: Member): void {
    add(this.#byCidr, member.cidrId, member);
    add(this.#byPeer, member.peerId, member);
  }

  leave(member: Member): void {
    remove(this.#byCidr, member.cidrId, member);
    remove(this.#byPeer, member.peerId, member);
    this.#behind.delete(member);
  }

  has(member: Member): boolean {
    return this.#byPeer.get(member.peerId)?.has(member) === true;
  }

  listens(cidrId: CidrId): boolean {
    return this.#byCidr.has(cidrId);
  }

  *all(): Generator<Member> {
    for (const members of this.#byCidr.values()) yield* members;
  }

  ofPeer(id: PeerId): Iterable<Member> {
    return this.#byPeer.get(id) ?? [];
  }

  *level(cidrId: CidrId): Generator<Member> {
    for (const member of this.#byCidr.get(cidrId) ?? []) if (!member.isBehind) yield member;
  }

  /** Get nothing more until their queue is empty. */
  behind(): Iterable<Member> {
    return this.#behind;
  }

  catchUp(member: Member): void {
    this.#behind.delete(member);
    member.behindSince = undefined;
  }

  /** A member whose queue is now too long counts as behind. */
  write(member: Member, bytes: Buffer): void {
    if (member.write(bytes)) return;
    member.behindSince ??= performance.now();
    this.#behind.add(member);
  }
}
