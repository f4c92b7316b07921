// A network in memory that verbs can act on: the real rules without a log or a server.
import { createHash } from 'node:crypto';
import type { NetworkView, Plane, ServerFacts } from '../src/cli/plane.ts';
import type { AdminCommand } from '../src/domain/command.ts';
import { decide } from '../src/domain/decide.ts';
import { Network } from '../src/domain/network.ts';
import { Rejected } from '../src/domain/rejection.ts';
import type { Actor } from '../src/events/actor.ts';
import type { NetworkEvent } from '../src/events/schema.ts';
import type { Outcome, Rehearsal } from '../src/protocol/commands.ts';
import type { SeenPeer } from '../src/protocol/rows.ts';
import { rehearse } from '../src/server/past/rehearsal.ts';
import { Hash, SERVER_PEER } from '../src/values/id.ts';
import { Timestamp } from '../src/values/time.ts';
import { endpoint } from './acme.ts';

const hashOf = (text: string): Hash => Hash.parse(createHash('sha256').update(text).digest('hex'));

export class MemoryPlane implements Plane {
  readonly network: string;
  /** Every command that was asked for, in order. */
  readonly asked: AdminCommand[] = [];
  /** Whoever asks; a peer is held to its rights. */
  actor: Actor = { kind: 'operator', uid: 0 };
  closed = 0;
  /** Peers that were refused for want of a proof. */
  unproved: NetworkView['unproved'];
  /** When peers were seen; undefined: nobody knows. */
  lastSeen: SeenPeer[] | undefined;
  phonesRefused: string | undefined;
  /** As a running server says. */
  standbys: NetworkView['standbys'];
  readonly #state = new Network();

  constructor(network: string, past: readonly NetworkEvent[]) {
    this.network = network;
    this.#state.advance(past, past.length);
  }

  async execute(command: AdminCommand): Promise<Outcome> {
    this.asked.push(command);
    const now = Timestamp.parse(new Date().toISOString());
    const decision = decide(this.#state, command, { actor: this.actor, now });
    if (!decision.accepted) throw new Rejected(decision.rejection);
    this.#state.advance(decision.events, this.#state.position + decision.events.length);
    return { position: this.#state.position, hash: this.#hash, events: decision.events };
  }

  async rehearse(command: AdminCommand): Promise<Rehearsal> {
    const { position } = this.#state;
    const context = { actor: this.actor, now: Timestamp.parse(new Date().toISOString()) };
    return rehearse(this.#state, { position, hash: this.#hash }, command, context);
  }

  /** There is no log here to ask. */
  ask(): never {
    throw new Error('a network in memory has no past');
  }

  async view(): Promise<NetworkView> {
    const { name, position } = this.#state;
    return {
      name,
      networkId: hashOf(name),
      position,
      hash: this.#hash,
      peers: [...this.#state.peers()],
      cidrs: [...this.#state.cidrs()],
      isProofRequired: this.#state.isProofRequired,
      unproved: this.unproved,
      phonesRefused: this.phonesRefused,
      standbys: this.standbys,
      promotion: this.#state.promotion ?? undefined,
      associations: [...this.#state.associations()],
      routes: [...this.#state.routes()],
    };
  }

  async seen(): Promise<SeenPeer[] | undefined> {
    return this.lastSeen;
  }

  async server(): Promise<ServerFacts> {
    const server = this.#state.peer(SERVER_PEER)!;
    return {
      publicKey: server.publicKey,
      externalEndpoint: server.endpoint!,
      internalEndpoint: endpoint(`${server.ip.includes(':') ? `[${server.ip}]` : server.ip}:51820`),
    };
  }

  async close(): Promise<void> {
    this.closed++;
  }

  get #hash(): Hash {
    return hashOf(`${this.#state.name} ${this.#state.position}`);
  }
}
