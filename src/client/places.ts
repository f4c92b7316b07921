/** Where each peer may be reached, the most likely place first: overrides, what the server sees, what worked last. */
import type { Observation, PeerRow } from '../protocol/rows.ts';
import {
  type Endpoint,
  endpointOf,
  hostOf,
  isUnspecified,
  portOf,
  SocketAddress,
} from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import type { LastEndpoints } from './state-file.ts';

export class Places {
  #local: ReadonlyMap<Ip, Endpoint>;
  readonly #last: LastEndpoints;
  readonly #observed = new Map<PeerId, Observation>();
  readonly #resolved = new Map<Endpoint, SocketAddress>();

  /** `local` are the overrides of one's own conf, `last` where peers were reached in earlier lives. */
  constructor(local: ReadonlyMap<Ip, Endpoint>, last: LastEndpoints) {
    this.#local = local;
    this.#last = last;
  }

  /** The overrides of one's own conf have changed. */
  insist(local: ReadonlyMap<Ip, Endpoint>): void {
    this.#local = local;
  }

  see(observation: Observation): void {
    this.#observed.set(observation.id, observation);
  }

  forget(id: PeerId): void {
    this.#observed.delete(id);
  }

  /** What a DNS name among the overrides stands for. */
  resolved(endpoint: Endpoint, address: SocketAddress): void {
    this.#resolved.set(endpoint, address);
  }

  /** The override with a DNS name that has to be looked up before `of` can use it. */
  unresolved(row: PeerRow): Endpoint | undefined {
    const override = this.#overrideOf(row);
    return override && !this.#addressOf(override) && !isUnspecified(override) ? override : undefined;
  }

  of(row: PeerRow): SocketAddress[] {
    const local = this.#local.get(row.ip);
    if (local) return known([this.#addressOf(local)]);
    const seen = this.#observed.get(row.id);
    return known([
      this.#said(row, seen?.endpoint ?? undefined),
      seen?.endpoint ?? undefined,
      this.#last.get(row.ip),
      ...(seen?.candidates ?? []),
    ]);
  }

  #overrideOf(row: PeerRow): Endpoint | undefined {
    return this.#local.get(row.ip) ?? row.endpoint ?? undefined;
  }

  /** The peer's own word; with an all-zero host: as the server sees it, but with this port. */
  #said({ endpoint }: PeerRow, seen: SocketAddress | undefined): SocketAddress | undefined {
    if (!endpoint) return undefined;
    if (!isUnspecified(endpoint)) return this.#addressOf(endpoint);
    return seen && (endpointOf(hostOf(seen), portOf(endpoint)) as SocketAddress);
  }

  #addressOf(endpoint: Endpoint): SocketAddress | undefined {
    return this.#resolved.get(endpoint) ?? SocketAddress.safeParse(endpoint).data;
  }
}

const known = (places: readonly (SocketAddress | undefined)[]): SocketAddress[] =>
  [...new Set(places.filter((place) => place !== undefined && !isUnspecified(place)))] as SocketAddress[];
