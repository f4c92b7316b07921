/** Whom this machine's relay serves, as the server's frames say; no I/O. */
import type { RelayDuty, ServedPeer, Sight } from '../../protocol/frames.ts';
import type { RelayPeer } from '../../relay/members.ts';
import type { Clientele } from '../../relay/station.ts';
import type { PeerId } from '../../values/id.ts';

type Known = { peers: Map<PeerId, ServedPeer>; sights: Set<string> };

export class Served implements Clientele {
  #known: Known = { peers: new Map(), sights: new Set() };
  /** Told in several frames, of which the last is not here yet. */
  #draft: Known | undefined;

  /** What an earlier run was told. */
  restore(peers: readonly ServedPeer[], sights: readonly Sight[]): void {
    this.#known = {
      peers: new Map(peers.map((peer) => [peer.id, peer])),
      sights: new Set(sights.map(textOf)),
    };
  }

  /** False: more frames belong to this one, and nothing has changed yet. */
  take({ isFirst, isLast, changed, removed, seen, unseen }: RelayDuty): boolean {
    if (isFirst) this.#draft = { peers: new Map(), sights: new Set() };
    else if (!isLast) this.#draft ??= copyOf(this.#known);
    const { peers, sights } = this.#draft ?? this.#known;
    for (const id of removed) peers.delete(id);
    for (const peer of changed) peers.set(peer.id, peer);
    for (const sight of unseen) sights.delete(textOf(sight));
    for (const sight of seen) sights.add(textOf(sight));
    if (!isLast) return false;
    this.#known = { peers, sights };
    this.#draft = undefined;
    return true;
  }

  *peers(): Generator<RelayPeer> {
    for (const { id, key, mailbox, host, openAt } of this.#known.peers.values())
      yield { id, publicKey: key, mailbox, host: host ?? undefined, openAt: openAt ?? undefined };
  }

  /** Sights go both ways. */
  sees(left: PeerId, right: PeerId): boolean {
    const [one, other] = [this.#known.peers.get(left)?.group, this.#known.peers.get(right)?.group];
    return one !== undefined && other !== undefined && this.#known.sights.has(textOf([one, other]));
  }

  /** For a later run. */
  get all(): { peers: ServedPeer[]; sights: Sight[] } {
    const sights = Array.from(this.#known.sights, (text) => text.split(' ').map(Number) as [number, number]);
    return { peers: [...this.#known.peers.values()], sights };
  }
}

const textOf = ([left, right]: Sight): string => (left < right ? `${left} ${right}` : `${right} ${left}`);

const copyOf = ({ peers, sights }: Known): Known => ({ peers: new Map(peers), sights: new Set(sights) });
