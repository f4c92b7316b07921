/**
 * The load tool's private server, in a process of its own: log, control plane, API and streams as `serve` has them,
 * on the loopback device and without WireGuard. It makes its own network and can serve no other.
 */
import { join } from 'node:path';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { ulid } from 'ulid';
import { Command } from '../../src/domain/command.ts';
import type { Actor } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { ApiSocket } from '../../src/server/device/api-socket.ts';
import { Api } from '../../src/server/http/api.ts';
import { Limits } from '../../src/server/limits.ts';
import { Live } from '../../src/server/live/live.ts';
import { loadNetwork, storeState } from '../../src/server/live/load-network.ts';
import { Observations } from '../../src/server/observations/observations.ts';
import { UnprovedRefusals } from '../../src/server/observations/unproved-refusals.ts';
import { FarAnswerer } from '../../src/server/past/far-answerer.ts';
import { Proofs } from '../../src/server/proof/proofs.ts';
import { ServerClock } from '../../src/server/proof/server-clock.ts';
import { LingeringKeys } from '../../src/server/sessions/lingering-keys.ts';
import { Sessions } from '../../src/server/sessions/sessions.ts';
import { Standbys } from '../../src/server/standby/standbys.ts';
import { DigestPages } from '../../src/server/stream/digest-pages.ts';
import { Hub } from '../../src/server/stream/hub.ts';
import type { Mailboxes } from '../../src/server/stream/relay-news.ts';
import { Snapshots } from '../../src/server/stream/snapshots.ts';
import type { NewCommit } from '../../src/store/log.ts';
import { openSqliteLog, type SqliteLog } from '../../src/store/sqlite-log.ts';
import { type Endpoint, endpointOf } from '../../src/values/endpoint.ts';
import { type Hash, SERVER_PEER } from '../../src/values/id.ts';
import type { Cidr } from '../../src/values/ip.ts';
import type { Hostname } from '../../src/values/name.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { clock } from '../clock.ts';
import { loadKey, loadPrivateKey } from './keys.ts';
import { eventsOf, FIRST_EVENTS, type Layout, SERVER_IP } from './layout.ts';
import { obey } from './orders.ts';

/** It has no relay. */
const NO_MAILBOXES: Mailboxes = {
  mailboxOf: () => {
    throw new Error('this server has no relay');
  },
  indicesOf: () => undefined,
};

/** Where its log lies, and at which port it listens. */
export type Place = { folder: string; port: number };

/** What a client of it has to know. */
export type Served = { endpoint: Endpoint; serverKey: string; network: Hash; position: number; hash: Hash };

/** When a command was asked for, durable, and heard of by all followers, by `clock()`; and where the log ends now. */
export type Told = { asked: number; committed: number; told: number; position: number };

/** Processor time in microseconds, resident memory in bytes, and the event loop's delay in milliseconds. */
export type Usage = { cpu: number; rss: number; heap: number; delay: { p99: number; max: number } };

const ACTOR: Actor = { kind: 'operator', uid: 0, user: 'root' };
const ACTOR_TEXT = JSON.stringify(ACTOR);
const EVENTS_AT_ONCE = 2_000;

let log: SqliteLog;
let plane: ControlPlane;
let live: Live;
let delay: IntervalHistogram;
let committed: number | undefined;

const logIn = (folder: string) => ({
  file: join(folder, 'load.events'),
  readModels: READ_MODELS,
});

const commitOf = (events: readonly NetworkEvent[]): NewCommit => ({
  actor: ACTOR_TEXT,
  commandId: ulid(),
  commandDigest: '0'.repeat(64) as Hash,
  recordedAt: new Date().toISOString() as Timestamp,
  events,
});

/** Writes the log of a new network, one event a commit but for the first ones. */
const create = async ({ folder, layout }: { folder: string; layout: Layout }): Promise<number> => {
  const fresh = await openSqliteLog({ ...logIn(folder), mode: 'create' });
  const events = eventsOf(layout, loadKey('server'));
  const first = Array.from({ length: FIRST_EVENTS }, () => events.next().value as NetworkEvent);
  let commits = [commitOf(first)];
  let position = 0;
  const flush = async (): Promise<void> => {
    const result = await fresh.append(position, commits);
    if (result.kind !== 'committed') throw new Error(`the log of the load's network: ${result.kind}`);
    position = result.head.position;
    commits = [];
  };
  for (const event of events) {
    commits.push(commitOf([event]));
    if (commits.length >= EVENTS_AT_ONCE) await flush();
  }
  await flush();
  await storeState(fresh, await loadNetwork(fresh));
  await fresh.close();
  return position;
};

/** Notes when an append was known to be durable: by its answer, or because the followers have the commit already. */
const timed = (opened: SqliteLog): SqliteLog => {
  const append = opened.append.bind(opened);
  opened.append = async (...commits) => {
    const result = await append(...commits);
    committed ??= clock();
    return result;
  };
  return opened;
};

const open = async ({ folder, port }: Place): Promise<Served> => {
  log = timed(await openSqliteLog(logIn(folder)));
  live = await Live.load(log);
  live.subscribe(() => {
    committed ??= clock(); // before all others: they are what is measured
  });
  plane = new ControlPlane(log, live);
  const proofClock = new ServerClock();
  const observations = new Observations(proofClock.boot, '127.0.0.0/8' as Cidr);
  const endpoint = endpointOf(SERVER_IP, port) as Endpoint;
  const serverKey = live.network.peer(SERVER_PEER)?.publicKey;
  if (!serverKey) throw new Error('the log holds no network');
  const past = new FarAnswerer(new URL('./past-thread.js', import.meta.url), log.file);
  const digests = new DigestPages(live, past);
  const limits = new Limits();
  const standbys = new Standbys({
    log,
    live,
    observations,
    now: Date.now,
    file: join(folder, 'load.standing'),
    say: (message) => console.error(`load: server: ${message}`),
    report: (trouble, error) => console.error(`load: server: ${trouble}:`, error),
  });
  const { gate } = standbys;
  const streams = new Hub(live, observations, { now: Date.now, mailboxes: NO_MAILBOXES, gate });
  const proofs = new Proofs(loadPrivateKey('server'), live, proofClock);
  const device = { apply: () => {}, settled: async () => {}, onHandshake: () => {} };
  const sessions = new Sessions({
    live,
    device,
    lingering: new LingeringKeys(),
    relay: { follow: () => {} },
    streams,
    proofs,
    limits,
  });
  const api = await Api.create({
    live,
    plane,
    observations,
    past,
    snapshots: new Snapshots(live, digests),
    digests,
    streams,
    standbys,
    held: () => standbys.level(),
    limits,
    unproved: new UnprovedRefusals({
      network: 'load',
      file: join(folder, 'load.unproved'),
      live,
      say: (message) => console.error(`load: server: ${message}`),
    }),
    sessions,
    proofs,
    phonesRefused: () => undefined,
    serverKey,
    endpoint,
    trace: () => {},
    report: (trouble, error) => console.error(`load: server: ${trouble}:`, error),
  });
  await new ApiSocket(api.server, { device: 'lo', ip: SERVER_IP, port }).open();
  live.run().catch((error: unknown) => {
    console.error('load: server:', error);
    process.exit(1);
  });
  delay = monitorEventLoopDelay({ resolution: 2 });
  return { endpoint, serverKey, network: live.networkId, ...live.head };
};

const execute = ({ command }: { command: unknown }): Promise<Told> => executeAs(ACTOR, command);

const redeem = ({ name, publicKey }: { name: string; publicKey: string }): Promise<Told> => {
  const peer = live.network.peerNamed(name as Hostname);
  if (!peer) throw new Error(`there is no peer ${name}`);
  return executeAs({ kind: 'peer', peerId: peer.id }, { type: 'RedeemInvitation', publicKey });
};

const executeAs = async (actor: Actor, command: unknown): Promise<Told> => {
  const asked = clock();
  committed = undefined;
  const { position } = await plane.execute(Command.parse(command), { actor });
  await live.reached(position);
  return { asked, committed: committed ?? asked, told: clock(), position };
};

/** Several commands, one after the other, without the way to this process in between: the time of each as above. */
const executeAll = async ({ commands }: { commands: unknown[] }): Promise<Told[]> => {
  const told: Told[] = [];
  for (const command of commands) told.push(await execute({ command }));
  return told;
};

/** `settled`: after a collection of garbage, where Node was started so that it can be asked for. */
const usage = ({ settled = false }: { settled?: boolean }): Usage => {
  if (settled) for (let round = 0; round < 3; round++) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const { max } = delay;
  return {
    cpu: user + system,
    rss,
    heap: heapUsed,
    delay: { p99: delay.percentile(99) / 1e6, max: max / 1e6 },
  };
};

obey({
  create,
  open,
  execute,
  executeAll,
  redeem,
  usage,
  head: () => live.head,
  /** From now on the event loop's delay is looked at: that takes a hundredth of a core itself. */
  forgetDelay: () => {
    delay.enable();
    delay.reset();
  },
});
