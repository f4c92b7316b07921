/** The places of each peer, the most likely first: overrides, observations, the last endpoint. */
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
  /** This machine's, as the server sees it. */
  #ownHost: string | undefined;

  /** `local`: the conf's overrides; `last`: endpoints of earlier runs. */
  constructor(local: ReadonlyMap<Ip, Endpoint>, last: LastEndpoints) {
    this.#local = local;
    this.#last = last;
  }

  insist(local: ReadonlyMap<Ip, Endpoint>): void {
    this.#local = local;
  }

  /** Names the own observation. Returns whether the server now sees this machine elsewhere. */
  isAt(own: PeerId): boolean {
    const endpoint = this.#observed.get(own)?.endpoint;
    const host = endpoint ? hostOf(endpoint) : undefined;
    const differs = host !== this.#ownHost;
    this.#ownHost = host;
    return differs;
  }

  /** Returns whether the peer was known elsewhere. */
  see(observation: Observation): boolean {
    const before = this.#observed.get(observation.id);
    this.#observed.set(observation.id, observation);
    return before !== undefined && spelt(before) !== spelt(observation);
  }

  forget(id: PeerId): void {
    this.#observed.delete(id);
  }

  seen(id: PeerId): Observation | undefined {
    return this.#observed.get(id);
  }

  /** Takes the addresses of an override's DNS name. */
  resolved(endpoint: Endpoint, addresses: readonly SocketAddress[]): void {
    this.#resolved.set(endpoint, addresses);
  }

  /** The override's DNS name, whose addresses may change. */
  nameOf(row: PeerRow): Endpoint | undefined {
    const override = this.#overrideOf(row);
    return override && !SocketAddress.safeParse(override).success ? override : undefined;
  }

  /** The DNS name to look up before `of`. */
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
    // Behind a shared router its public address usually does not work.
    const said = this.#said(row, seen?.endpoint ?? undefined);
    if (this.#isNear(seen))
      return known([...said, ...candidates.slice(0, 1), ...elsewhere, ...candidates.slice(1)]);
    return known([...said, ...elsewhere, ...candidates]);
  }

  #overrideOf(row: PeerRow): Endpoint | undefined {
    return this.#local.get(row.ip) ?? row.endpoint ?? undefined;
  }

  /** An all-zero host stands for the one that the server sees. */
  #said({ endpoint }: PeerRow, seen: SocketAddress | undefined): readonly SocketAddress[] {
    if (!endpoint) return [];
    if (!isUnspecified(endpoint)) return this.#addressesOf(endpoint);
    return seen ? [endpointOf(hostOf(seen), portOf(endpoint)) as SocketAddress] : [];
  }

  #addressesOf(endpoint: Endpoint): readonly SocketAddress[] {
    return this.#resolved.get(endpoint) ?? known([SocketAddress.safeParse(endpoint).data]);
  }

  /** Whether relays may come first: nobody said where it is, and it is on other premises. */
  isRelayable(row: PeerRow): boolean {
    return this.#overrideOf(row) === undefined && !this.#isNear(this.#observed.get(row.id));
  }

  /** The server sees both at one address: the same premises. */
  #isNear(seen: Observation | undefined): boolean {
    return Boolean(seen?.endpoint && hostOf(seen.endpoint) === this.#ownHost);
  }
}

const spelt = ({ endpoint, candidates }: Observation): string => [endpoint, ...candidates].join(' ');

const known = (places: readonly (SocketAddress | undefined)[]): SocketAddress[] =>
  [...new Set(places.filter((place) => place !== undefined && !isUnspecified(place)))] as SocketAddress[];
