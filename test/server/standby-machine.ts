// A standby's machine without a tunnel: its replica in a folder of its own, and a connection that can be held still.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Prover } from '../../src/caller/prover.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { openReplica } from '../../src/projections/open-replica.ts';
import { Following } from '../../src/server/following/following.ts';
import { KeptObservations } from '../../src/server/following/kept-observations.ts';
import { StandbyFile } from '../../src/server/following/standby-file.ts';
import type { ReplicaLog } from '../../src/store/replica-log.ts';
import { hostOf, portOf, type SocketAddress } from '../../src/values/endpoint.ts';
import type { InterfaceName } from '../../src/values/name.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { keysOf } from '../acme.ts';
import type { ServedNetwork } from './served-network.ts';

export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  const end = Date.now() + 30_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it did not become so');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** Every row of the log and of its kept answers, as the file has them. */
export const rowsOf = (file: string): unknown[] => {
  const db = new Database(file, { readonly: true });
  try {
    return [
      ...db.prepare('SELECT * FROM events ORDER BY position').all(),
      ...db.prepare('SELECT * FROM commits ORDER BY to_position, actor, command_id').all(),
    ];
  } finally {
    db.close();
  }
};

/** The last position that is on the disk. */
export const headOf = (file: string): number => {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck().get() ?? 0;
  } finally {
    db.close();
  }
};

export class StandbyMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'innernet-standby-'));
  readonly said: string[] = [];
  /** What `take` of the log does instead. */
  takes: ReplicaLog['take'] | undefined;
  log!: ReplicaLog;
  following!: Following;
  /** How it ended; undefined while it runs. */
  ended: Promise<Error | undefined> | undefined;
  readonly #served: ServedNetwork;
  readonly #peer: Peer;
  readonly #sockets = new Set<Socket>();
  #isHeld = false;
  #state!: StandbyFile;
  #observations!: KeptObservations;

  constructor(served: ServedNetwork, peer: Peer) {
    this.#served = served;
    this.#peer = peer;
  }

  get file(): string {
    return join(this.folder, 'acme.events');
  }

  get isLevel(): boolean {
    return this.#served.standbys
      .report()
      .standbys.some(({ peerId, isLevel }) => peerId === this.#peer.id && isLevel);
  }

  /** `key`: of another machine's, for one that only says to be this peer. */
  async start(key = this.#peer.name as string): Promise<void> {
    const { privateKey } = keysOf(key);
    const { endpoint, serverKey } = this.#served;
    this.log = await openReplica({ file: this.file, kept: () => {} });
    const { log } = this;
    this.#observations = new KeptObservations(join(this.folder, 'acme.observations'));
    this.#state = new StandbyFile(join(this.folder, 'acme.standby'), {
      version: 1,
      of: { networkName: 'acme' as InterfaceName, publicKey: serverKey },
      since: new Date().toISOString() as Timestamp,
      position: log.head.position,
    });
    this.following = new Following({
      network: 'acme',
      log: {
        get head() {
          return log.head;
        },
        get networkId() {
          return log.networkId;
        },
        take: (...asked) => (this.takes ?? log.take.bind(log))(...asked),
      },
      server: { endpoint: endpoint as SocketAddress, key: serverKey },
      way: { open: async () => ({ device: 1, connect: (to, timeout) => this.#connect(to, timeout) }) },
      prover: new Prover(privateKey, serverKey),
      version: '1.2.3',
      state: this.#state,
      observations: this.#observations,
      say: (message) => this.said.push(message),
      random: () => 0.01,
    });
    this.ended = this.following.run().then(
      () => undefined,
      (error: Error) => error,
    );
  }

  /** Nothing comes in any more, as on a machine that is frozen. */
  hold(): void {
    this.#isHeld = true;
    for (const socket of this.#sockets) socket.pause();
  }

  release(): void {
    this.#isHeld = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async stop(): Promise<void> {
    this.following.stop();
    await this.ended;
    this.#observations.close();
    this.#state.close();
    await this.log.close();
  }

  async close(): Promise<void> {
    this.release();
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #connect(to: SocketAddress, timeout: number | undefined): Socket {
    const socket = connect({
      host: hostOf(to),
      port: portOf(to),
      localAddress: this.#peer.ip,
      ...(timeout === undefined ? {} : { timeout }),
    });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#isHeld) socket.pause();
    return socket;
  }
}
