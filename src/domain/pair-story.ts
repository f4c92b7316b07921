/** The events that decide whether two peers can talk, and their positions. */
import type { NetworkEvent } from '../events/schema.ts';
import type { CidrId, PeerId, Position } from '../values/id.ts';
import { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { canReach } from './reach.ts';

export type Placed = { position: Position; event: NetworkEvent };

/** Folds all events of CIDRs and associations, and those of the two peers. */
export class PairStory {
  readonly network = new Network();
  readonly ids: readonly [PeerId, PeerId];
  turnedAt: Position | undefined;
  #visible = false;
  readonly #last = new Map<PeerId, Peer>();
  readonly #facts = new Map<string, Position>();

  constructor(ids: readonly [PeerId, PeerId], events: Iterable<Placed>) {
    this.ids = ids;
    for (const { position, event } of events) this.#take(event, position);
  }

  /** The peer as it is, or last was. */
  peer(id: PeerId): Peer | undefined {
    return this.network.peer(id) ?? this.#last.get(id);
  }

  last(type: NetworkEvent['type'], id: number | string): Position[] {
    const position = this.#facts.get(`${type} ${id}`);
    return position === undefined ? [] : [position];
  }

  get isVisible(): boolean {
    const [one, other] = this.ids;
    return canReach(this.network, this.network.peer(one), this.network.peer(other));
  }

  #take(event: NetworkEvent, position: Position): void {
    this.#note(event, position);
    this.network.evolve(event);
    for (const id of this.ids) {
      const peer = this.network.peer(id);
      if (peer) this.#last.set(id, peer);
    }
    if (this.isVisible === this.#visible) return;
    this.#visible = !this.#visible;
    this.turnedAt = position;
  }

  #note(event: NetworkEvent, position: Position): void {
    if ('peerId' in event && event.peerId !== undefined)
      this.#facts.set(`${event.type} ${event.peerId}`, position);
    if ('associationId' in event) this.#facts.set(`${event.type} ${event.associationId}`, position);
    if (event.type === 'CidrIsolated') this.#facts.set(`${event.type} ${event.cidrId}`, position);
    const ended = event.type === 'AssociationDeleted' && this.network.association(event.associationId);
    if (ended) for (const key of bothWays(ended.cidrIds)) this.#facts.set(`${event.type} ${key}`, position);
  }
}

const bothWays = ([left, right]: readonly [CidrId, CidrId]): string[] => [
  `${left} ${right}`,
  `${right} ${left}`,
];
