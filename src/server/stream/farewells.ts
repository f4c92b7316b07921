/** The last word to clients whose right has ended: said before their place on the device goes, but not for long. */
import type { Change } from '../../domain/changes.ts';
import type { Peer } from '../../domain/peer.ts';
import type { Revoked } from '../../protocol/frames.ts';
import type { PeerId } from '../../values/id.ts';
import type { Member } from './member.ts';

/** A revoked client's close is waited for this long, in milliseconds. */
const TELL_WITHIN = 50;

export const reasonFor = ({ before, after }: Change<Peer>): Revoked['reason'] => {
  if (!after) return 'deleted';
  return after.isDisabled || after.publicKey === before?.publicKey ? 'disabled' : 'rekeyed';
};

export class Farewells {
  readonly #telling = new Map<PeerId, Promise<void>>();

  /** Ends the streams of one peer. */
  say(peerId: PeerId, members: readonly Member[], reason: Revoked['reason']): void {
    const closed = members.map(
      ({ socket }) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    const patience = new Promise<void>((resolve) => setTimeout(resolve, TELL_WITHIN));
    const told = Promise.race([Promise.all(closed).then(() => undefined), patience]);
    this.#telling.set(peerId, told);
    void told.then(() => this.#telling.get(peerId) === told && this.#telling.delete(peerId));
    for (const member of members) member.end('revoked', { kind: 'revoked', reason });
  }

  /** Resolves when a peer's streams have closed, at once where it has none, in any case within 50 ms. */
  told(peerId: PeerId): Promise<void> {
    return this.#telling.get(peerId) ?? Promise.resolve();
  }
}
