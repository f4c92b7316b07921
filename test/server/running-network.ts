// A server without its network side: a real log with everything that follows it, which can be stopped and started.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '../../src/domain/command.ts';
import { actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { sha256Text } from '../../src/machine/sha256.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { mailboxOf } from '../../src/relay/mailbox.ts';
import { ControlPlane, type Request, timestamp } from '../../src/server/commands/control-plane.ts';
import type { Outcome } from '../../src/server/commands/outcome.ts';
import { Live } from '../../src/server/live/live.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { Observations, type StoredObservation } from '../../src/server/observations/observations.ts';
import { NearAnswerer } from '../../src/server/past/answerer.ts';
import { DigestPages } from '../../src/server/stream/digest-pages.ts';
import { Hub } from '../../src/server/stream/hub.ts';
import type { Mailboxes } from '../../src/server/stream/relay-news.ts';
import { type Packed, Snapshots } from '../../src/server/stream/snapshots.ts';
import { openSqliteLog, type SqliteLog } from '../../src/store/sqlite-log.ts';
import { type Hash, type Position, ROOT_CIDR } from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { ids } from '../acme.ts';
import type { Asked } from '../given.ts';
import { OPERATOR } from './asking.ts';

/** A snapshot as it goes over the wire. */
export const bytesOf = async (packed: Promise<readonly Packed[]>): Promise<Buffer> =>
  Buffer.concat((await packed).map(({ bytes }) => bytes));

/** Of a server whose relay has passed one handshake, between bob and ryo. */
export const MAILBOXES: Mailboxes = {
  mailboxOf: (relay, peer) => mailboxOf(new Uint8Array(32).fill(7), relay, peer),
  indicesOf: (peer, other) =>
    peer === ids.bob && other === ids.ryo ? { own: 0x01020304, others: 0xfffefdfc } : undefined,
};

export class RunningNetwork {
  readonly folder: string;
  log!: SqliteLog;
  plane!: ControlPlane;
  live!: Live;
  observations!: Observations;
  hub!: Hub;
  snapshots!: Snapshots;
  #digests!: DigestPages;
  /** What the server's clock says; the real time unless set. */
  now: Timestamp | undefined;
  #boots = 0;
  #running!: Promise<void>;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** A network that these events made, in a folder of its own below `parent`. */
  static async start(events: readonly NetworkEvent[], parent = tmpdir()): Promise<RunningNetwork> {
    const running = new RunningNetwork(mkdtempSync(join(parent, 'innernet-test-')));
    const log = await openSqliteLog({ ...running.#files, mode: 'create' });
    const commit = { commandId: 'past', commandDigest: sha256Text('past'), recordedAt: timestamp(), events };
    await log.append(0, [{ ...commit, actor: actorText(OPERATOR) }]);
    await log.close();
    await running.#open([]);
    return running;
  }

  get network() {
    return this.live.network;
  }

  /** Carries a command out and waits until all who follow have heard of it. */
  async ask(asked: Asked | Command, request: Partial<Request> = {}): Promise<Outcome> {
    const outcome = await this.plane.execute(Command.parse(asked), { actor: OPERATOR, ...request });
    await this.live.reached(outcome.position);
    return outcome;
  }

  /** A hub with nobody on it; the old one is the caller's to close. */
  newHub(): Hub {
    const hub = new Hub(this.live, this.observations, { now: Date.now, mailboxes: MAILBOXES });
    this.live.subscribe((step) => {
      for (const [id, { reason }] of step.rights.ended) if (reason !== 'joined') void hub.revoke(id, reason);
      hub.follow(step);
    });
    return hub;
  }

  /** Ends the server and starts it again on the same log; observations are remembered, under a new boot. */
  async restart(meanwhile: (file: string) => void = () => {}): Promise<void> {
    const stored = [...this.observations.stored()];
    await this.#shut();
    meanwhile(this.#files.file);
    await this.#open(stored);
  }

  async close(): Promise<void> {
    await this.#shut();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #files() {
    const file = join(this.folder, 'acme.events');
    return { file, readModels: READ_MODELS } as const;
  }

  /** The digests of the records in (after, to], as they go over the wire. */
  async digests(after: Position, to: Position): Promise<Hash[]> {
    const items = await this.#digests.between(after, to);
    return JSON.parse(`[${Buffer.concat(items)}]`) as Hash[];
  }

  async #open(stored: StoredObservation[]): Promise<void> {
    this.log = await openSqliteLog(this.#files);
    this.plane = new ControlPlane(
      this.log,
      await LoggedNetwork.load(this.log),
      () => this.now ?? timestamp(),
      undefined,
      () => this.observations.words(),
    );
    this.live = await Live.load(this.log);
    const root = this.network.cidr(ROOT_CIDR);
    if (!root) throw new Error('there is no network');
    this.observations = new Observations(`boot-${++this.#boots}`, root.cidr);
    this.observations.restore(stored.filter(({ id }) => this.network.peer(id)));
    this.hub = this.newHub();
    this.#digests = new DigestPages(this.live, new NearAnswerer(this.log));
    this.snapshots = new Snapshots(this.live, this.#digests);
    this.#running = this.live.run();
  }

  async #shut(): Promise<void> {
    this.hub.close();
    this.observations.close();
    this.live.stop();
    await this.#running;
    await this.log.close();
  }
}
