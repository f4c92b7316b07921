/** Members of the streams, by view and by peer. */
import type { View, ViewKey } from '../../domain/views.ts';
import type { PeerId } from '../../values/id.ts';
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
  readonly #byView = new Map<ViewKey, Set<Member>>();
  readonly #byPeer = new Map<PeerId, Set<Member>>();
  readonly #behind = new Set<Member>();

  enter(member: Member): void {
    add(this.#byView, member.view, member);
    add(this.#byPeer, member.peerId, member);
  }

  leave(member: Member): void {
    remove(this.#byView, member.view, member);
    remove(this.#byPeer, member.peerId, member);
    this.#behind.delete(member);
  }

  /** Its view is another one now. */
  move(member: Member, view: View): void {
    remove(this.#byView, member.view, member);
    member.sees = view;
    add(this.#byView, member.view, member);
  }

  has(member: Member): boolean {
    return this.#byPeer.get(member.peerId)?.has(member) === true;
  }

  listens(view: ViewKey): boolean {
    return this.#byView.has(view);
  }

  /** Of the members that have it; undefined: none has. */
  viewOf(view: ViewKey): View | undefined {
    for (const member of this.#byView.get(view) ?? []) return member.sees;
    return undefined;
  }

  *all(): Generator<Member> {
    for (const members of this.#byView.values()) yield* members;
  }

  ofPeer(id: PeerId): Iterable<Member> {
    return this.#byPeer.get(id) ?? [];
  }

  *level(view: ViewKey): Generator<Member> {
    for (const member of this.#byView.get(view) ?? []) if (!member.isBehind) yield member;
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
