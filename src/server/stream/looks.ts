/** The ways to peers that clients tell while an admin looks; forgotten when nobody does. */
import type { Network } from '../../domain/network.ts';
import { canReach } from '../../domain/reach.ts';
import type { WayRow } from '../../protocol/frames.ts';
import type { ObservedWay } from '../../protocol/looking.ts';
import type { PeerId } from '../../values/id.ts';
import type { Audience } from './audience.ts';

const LOOK_SECONDS = 60;
/** For the first answers; clients answer at once. */
const MAX_WAIT_MS = 1_000;

type Looked = {
  readonly ways: Map<PeerId, WayRow>;
  /** Resolves at the first answer. */
  readonly heard: Promise<void>;
  readonly hear: () => void;
  /** Each answer to a look is whole: what was known before it ends. */
  isStale: boolean;
  timer: NodeJS.Timeout;
};

export class Looks {
  readonly #audience: Audience;
  readonly #network: () => Network;
  readonly #looked = new Map<PeerId, Looked>();

  constructor(audience: Audience, network: () => Network) {
    this.#audience = audience;
    this.#network = network;
  }

  close(): void {
    for (const id of [...this.#looked.keys()]) this.#forget(id);
  }

  /** Also prolongs the look. */
  async look(ids: readonly PeerId[]): Promise<ObservedWay[]> {
    const heard = ids.flatMap((id) => this.#begin(id) ?? []);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MAX_WAIT_MS);
    });
    await Promise.race([Promise.all(heard), patience]);
    clearTimeout(timer);
    return ids.flatMap((id) => this.#waysOf(id));
  }

  /** Nothing is kept of what nobody asked for. */
  hear(id: PeerId, rows: readonly WayRow[]): void {
    const looked = this.#looked.get(id);
    if (!looked) return;
    const { ways, hear } = looked;
    if (looked.isStale) ways.clear();
    looked.isStale = false;
    for (const row of rows)
      if (row.way === 'none' || !this.#mayTalk(id, row.id)) ways.delete(row.id);
      else ways.set(row.id, row);
    hear();
  }

  #begin(id: PeerId): Promise<void> | undefined {
    const members = [...this.#audience.ofPeer(id)].filter(({ canRelay }) => canRelay);
    if (members.length === 0) {
      this.#forget(id);
      return undefined;
    }
    for (const member of members) member.send({ kind: 'look', for: LOOK_SECONDS });
    const { promise: heard, resolve: hear } = withResolvers();
    const known = this.#looked.get(id);
    clearTimeout(known?.timer);
    const timer = setTimeout(() => this.#forget(id), LOOK_SECONDS * 1000).unref();
    const looked = { ways: new Map<PeerId, WayRow>(), heard, hear, ...known, isStale: true, timer };
    this.#looked.set(id, looked);
    return looked.heard;
  }

  #forget(id: PeerId): void {
    clearTimeout(this.#looked.get(id)?.timer);
    this.#looked.delete(id);
  }

  #waysOf(from: PeerId): ObservedWay[] {
    const network = this.#network();
    return [...(this.#looked.get(from)?.ways.values() ?? [])].flatMap(({ id: to, way, relay, reason }) => {
      if (!this.#mayTalk(from, to)) return [];
      const relayName = relay === undefined ? undefined : network.peer(relay)?.name;
      return [
        {
          from,
          to,
          way,
          ...(relay === undefined ? {} : { relay }),
          ...(relayName === undefined ? {} : { relayName }),
          ...(reason === undefined ? {} : { reason }),
        },
      ];
    });
  }

  #mayTalk(one: PeerId, other: PeerId): boolean {
    const network = this.#network();
    return canReach(network, network.peer(one), network.peer(other));
  }
}

/** Node 20 has no `Promise.withResolvers`. */
const withResolvers = (): { promise: Promise<void>; resolve: () => void } => {
  let resolve = (): void => {};
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
};
