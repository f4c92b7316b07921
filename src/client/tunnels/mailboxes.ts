/**
 * This machine's mailboxes at relays; no I/O. A mailbox is a throwaway peer with the key that the server gave:
 * WireGuard's own handshakes tell the relay where this machine is, and keep the router open.
 */
import type { RelayRow } from '../../protocol/frames.ts';
import { endpointOf, hostOf, isUnspecified, portOf, type SocketAddress } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import { familyOf, type Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import { type DeviceState, KEEPALIVE_SECONDS, type Step } from '../../wireguard/device.ts';
import type { RelayPlace } from './paths.ts';

export type RelayState = { id: PeerId; place: SocketAddress | null; isHeard: boolean };

export class Mailboxes {
  /** As the server told, and as the state file keeps. */
  readonly #rows: Map<PeerId, RelayRow>;
  #server: SocketAddress | undefined;
  /** In the open the relay knows where this machine is. */
  isNeeded = true;

  constructor(rows: Map<PeerId, RelayRow>) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#rows.size;
  }

  get keys(): PublicKey[] {
    return this.isNeeded ? Array.from(this.#rows.values(), ({ mailbox }) => mailbox) : [];
  }

  /** `server`: where this machine reaches it. Returns the steps for the device. */
  take(changed: readonly RelayRow[], removed: readonly PeerId[], server: SocketAddress | undefined): Step[] {
    this.#server = server;
    const gone = [...removed, ...changed.map(({ id }) => id)].flatMap((id) => this.#rows.get(id) ?? []);
    for (const id of removed) this.#rows.delete(id);
    for (const row of changed) this.#rows.set(row.id, row);
    const kept = new Set(this.keys);
    return [
      ...gone.filter(({ mailbox }) => !kept.has(mailbox)).map(({ mailbox }) => removal(mailbox)),
      ...changed.flatMap((row) => this.#opening(row)),
    ];
  }

  /** What the device lacks. */
  missing(has: DeviceState, server: SocketAddress | undefined): Step[] {
    this.#server = server ?? this.#server;
    if (!this.isNeeded) return [];
    return [...this.#rows.values()]
      .filter((row) => has.peers.get(row.mailbox)?.endpoint !== this.#placeOf(row))
      .flatMap((row) => this.#opening(row));
  }

  /** After a move: the relay must hear of it first. */
  again(): Step[] {
    return [...this.#rows.values()].flatMap((row) => this.#opening(row));
  }

  /** Those of the relays that this machine may use. */
  placesOf(ids: readonly PeerId[]): RelayPlace[] {
    return ids.flatMap((id) => {
      const row = this.#rows.get(id);
      const place = row && this.#placeOf(row);
      return place ? [{ id, place }] : [];
    });
  }

  /** Of each relay; those in `open` hear this machine. */
  states(open: readonly PeerId[]): RelayState[] {
    return [...this.#rows.values()].map((row) => ({
      ...{ id: row.id, place: this.#placeOf(row) ?? null },
      isHeard: !this.isNeeded || open.includes(row.id),
    }));
  }

  isRelay(place: SocketAddress): boolean {
    return this.relayAt(place) !== undefined;
  }

  relayAt(place: SocketAddress): PeerId | undefined {
    return [...this.#rows.values()].find((row) => this.#placeOf(row) === place)?.id;
  }

  #opening(row: RelayRow): Step[] {
    const endpoint = this.#placeOf(row);
    if (!this.isNeeded || !endpoint) return [];
    return [
      { kind: 'recreate', publicKey: row.mailbox, allowedIps: [], endpoint, keepalive: KEEPALIVE_SECONDS },
    ];
  }

  /** Of the family by which this machine reaches the server, if there is one. */
  #placeOf({ endpoints }: RelayRow): SocketAddress | undefined {
    const server = this.#server;
    const places = endpoints.flatMap((endpoint) => {
      if (!isUnspecified(endpoint)) return [endpoint];
      return server ? [endpointOf(hostOf(server), portOf(endpoint)) as SocketAddress] : [];
    });
    return places.find((place) => server && family(place) === family(server)) ?? places[0];
  }
}

const family = (place: SocketAddress): number => familyOf(hostOf(place) as Ip);

const removal = (publicKey: PublicKey): Step => ({ kind: 'remove', publicKey });
