/** Where each peer may be reached, the most likely place first: overrides, what the server sees, what worked last. */
import type { Observation, PeerRow } from '../../protocol/rows.ts';
import {
  type Endpoint,
  endpointOf,
  hostOf,
  isUnspecified,
  portOf,
  SocketAddress,
} from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import type { LastEndpoints } from '../memory/state-file.ts';

export class Places {
  #local: ReadonlyMap<Ip, Endpoint>;
  readonly #last: LastEndpoints;
  readonly #observed = new Map<PeerId, Observation>();
  readonly #resolved = new Map<Endpoint, readonly SocketAddress[]>();
  /** This machine's address as the server sees it. */
  #ownHost: string | undefined;

  /** `local` are the overrides of one's own conf, `last` where peers were reached in earlier lives. */
  constructor(local: ReadonlyMap<Ip, Endpoint>, last: LastEndpoints) {
    this.#local = local;
    this.#last = last;
  }

  /** The overrides of one's own conf have changed. */
  insist(local: ReadonlyMap<Ip, Endpoint>): void {
    this.#local = local;
  }

  /** Which of the observations is of this machine itself; whether the server sees it elsewhere than before. */
  isAt(own: PeerId): boolean {
    const endpoint = this.#observed.get(own)?.endpoint;
    const host = endpoint ? hostOf(endpoint) : undefined;
    const differs = host !== this.#ownHost;
    this.#ownHost = host;
    return differs;
  }

  /** Whether the peer was known before, and to be reached elsewhere. */
  see(observation: Observation): boolean {
    const before = this.#observed.get(observation.id);
    this.#observed.set(observation.id, observation);
    return before !== undefined && spelt(before) !== spelt(observation);
  }

  forget(id: PeerId): void {
    this.#observed.delete(id);
  }

  /** What the server sees of a peer, or of this machine itself. */
  seen(id: PeerId): Observation | undefined {
    return this.#observed.get(id);
  }

  /** All that a DNS name among the overrides stands for. */
  resolved(endpoint: Endpoint, addresses: readonly SocketAddress[]): void {
    this.#resolved.set(endpoint, addresses);
  }

  /** The DNS name among the overrides, which may stand for another address by now. */
  nameOf(row: PeerRow): Endpoint | undefined {
    const override = this.#overrideOf(row);
    return override && !SocketAddress.safeParse(override).success ? override : undefined;
  }

  /** The override with a DNS name that has to be looked up before `of` can use it. */
  unresolved(row: PeerRow): Endpoint | undefined {
    const override = this.#overrideOf(row);
    return override && this.#addressesOf(override).length === 0 && !isUnspecified(override)
      ? override
      : undefined;
  }

  of(row: PeerRow): SocketAddress[] {
    const local = this.#local.get(row.ip);
    if (local) return known(this.#addressesOf(local));
    const seen = this.#observed.get(row.id);
    const candidates = seen?.candidates ?? [];
    const elsewhere = [seen?.endpoint ?? undefined, this.#last.get(row.ip)];
    // From behind the same router its public address leads nowhere, most often.
    const said = this.#said(row, seen?.endpoint ?? undefined);
    if (this.#isNear(seen))
      return known([...said, ...candidates.slice(0, 1), ...elsewhere, ...candidates.slice(1)]);
    return known([...said, ...elsewhere, ...candidates]);
  }

  #overrideOf(row: PeerRow): Endpoint | undefined {
    return this.#local.get(row.ip) ?? row.endpoint ?? undefined;
  }

  /** The peer's own word; with an all-zero host: as the server sees it, but with this port. */
  #said({ endpoint }: PeerRow, seen: SocketAddress | undefined): readonly SocketAddress[] {
    if (!endpoint) return [];
    if (!isUnspecified(endpoint)) return this.#addressesOf(endpoint);
    return seen ? [endpointOf(hostOf(seen), portOf(endpoint)) as SocketAddress] : [];
  }

  #addressesOf(endpoint: Endpoint): readonly SocketAddress[] {
    return this.#resolved.get(endpoint) ?? known([SocketAddress.safeParse(endpoint).data]);
  }

  /** Whether the server sees the peer at this machine's own address: then it is in the same premises. */
  #isNear(seen: Observation | undefined): boolean {
    return Boolean(seen?.endpoint && hostOf(seen.endpoint) === this.#ownHost);
  }
}

const spelt = ({ endpoint, candidates }: Observation): string => [endpoint, ...candidates].join(' ');

const known = (places: readonly (SocketAddress | undefined)[]): SocketAddress[] =>
  [...new Set(places.filter((place) => place !== undefined && !isUnspecified(place)))] as SocketAddress[];
