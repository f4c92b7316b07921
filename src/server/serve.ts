/** `innernet-server serve`: assembles the running server, in the order that its promises need. */

import { setTimeout as sleep } from 'node:timers/promises';
import { note } from '../cli/print.ts';
import { during } from '../cli/progress.ts';
import { Supervisor } from '../cli/supervisor.ts';
import type { Network } from '../domain/network.ts';
import { printable } from '../domain/rejection.ts';
import { forgetRelay } from '../filter/relay-ways.ts';
import { stopSignal } from '../machine/stop-signal.ts';
import { openLog } from '../projections/open-log.ts';
import { candidatesFrom } from '../protocol/local-candidates.ts';
import { TALK_PORT } from '../protocol/talk-message.ts';
import { KernelWays } from '../relay/kernel-ways.ts';
import { mailboxOf } from '../relay/mailbox.ts';
import type { EventLog } from '../store/log.ts';
import { DatabaseAway, LeaseLost } from '../store/postgres/troubles.ts';
import { ProcessLock } from '../store/process-lock.ts';
import { checkTail, checkWitness } from '../store/verify.ts';
import { Failure } from '../values/failure.ts';
import { SERVER_PEER } from '../values/id.ts';
import type { Cidr } from '../values/ip.ts';
import { publicKeyOf } from '../values/key-pair.ts';
import type { InterfaceName } from '../values/name.ts';
import type { PostgresAddress } from '../values/postgres-address.ts';
import { isPrivateRange } from '../values/reserved.ts';
import { localAddresses } from '../wireguard/routes.ts';
import { bringUp, takeDown } from '../wireguard/tunnel.ts';
import { TunnelDatagrams } from '../wireguard/tunnel-datagrams.ts';
import { ControlPlane, timestamp } from './commands/control-plane.ts';
import { Enforcers } from './commands/enforcers.ts';
import { Expiry } from './commands/expiry.ts';
import { SteadyClock } from './commands/steady-clock.ts';
import { ApiSocket } from './device/api-socket.ts';
import { DeviceFollower } from './device/device-follower.ts';
import { HostsFollower } from './device/hosts-follower.ts';
import { Passage } from './device/passage.ts';
import { TableLosses } from './device/table-losses.ts';
import { internalEndpoint, phonesRefused, rangeOf, readConf, type ServerConf } from './disk/conf.ts';
import { filesOf, type NetworkFiles, refuseOpenFolders } from './disk/files.ts';
import { refuseOtherConf } from './disk/other-conf.ts';
import { ownServer } from './disk/own-server.ts';
import { relaySecret } from './disk/relay-secret.ts';
import { refuseSecondServer } from './handover/second-server.ts';
import { Api } from './http/api.ts';
import { Limits } from './limits.ts';
import { audit } from './live/audit.ts';
import { Live } from './live/live.ts';
import { storeState } from './live/load-network.ts';
import { WINDOW_RECORDS } from './live/window.ts';
import { Metrics } from './metrics/metrics.ts';
import { MetricsDoor } from './metrics/metrics-door.ts';
import { ObservationFile } from './observations/observation-file.ts';
import { Observations } from './observations/observations.ts';
import { UnprovedRefusals } from './observations/unproved-refusals.ts';
import { FarAnswerer } from './past/far-answerer.ts';
import { Proofs } from './proof/proofs.ts';
import { ServerClock } from './proof/server-clock.ts';
import { OwnRelay } from './relay/own-relay.ts';
import { LingeringKeys } from './sessions/lingering-keys.ts';
import { Sessions } from './sessions/sessions.ts';
import { Standbys } from './standby/standbys.ts';
import { Claims } from './stream/claims.ts';
import { DigestPages } from './stream/digest-pages.ts';
import { Hub } from './stream/hub.ts';
import type { Mailboxes } from './stream/relay-news.ts';
import { Snapshots } from './stream/snapshots.ts';
import { StreamReminder } from './stream/stream-reminder.ts';
import { type Trace, traceAt } from './trace.ts';
import { importOnce, warnOfForeignChanges } from './verbs/import.ts';
import type { ServeOptions } from './verbs/options.ts';

/** Between checks of device and log. */
const LOOK_EVERY_MS = 1_000;

const say = (message: string): void => note(`innernet-server: ${printable(message)}`);

/** The server's own failures that do not end it. */
const report = (trouble: string, error: unknown): void => {
  say(`warning: ${trouble}: ${(error as Error).message}`);
  if (error instanceof Failure && error.hint !== undefined) say(`hint: ${error.hint}`);
};

/** Closes everything in reverse order. */
class Opened {
  readonly #closers: (() => unknown)[] = [];

  add<T>(thing: T, close: (thing: T) => unknown): T {
    this.#closers.push(() => close(thing));
    return thing;
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
  }
}

/**
 * Serves a network until SIGTERM or SIGINT; its tunnels stay up. Throws `Failure`: no such network, a damaged
 * or newer log, no device or socket, another `serve` of this network.
 */
export const serve = async (network: InterfaceName, options: ServeOptions): Promise<void> => {
  const stop = stopSignal();
  const stopping = new AbortController();
  void stop.then(() => stopping.abort());
  const standing = new Standing(Supervisor.find());
  while (!stopping.signal.aborted)
    await serveOnce(network, options, { stop, signal: stopping.signal, standing });
};

/** What the supervisor is told; ready is said once. */
class Standing {
  readonly #supervisor: Supervisor;
  #status: (() => string) | undefined;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  async is(status: () => string): Promise<void> {
    const isFirst = this.#status === undefined;
    this.#status = status;
    if (isFirst) await this.#supervisor.ready(() => this.#status?.() ?? '');
  }

  ends(): void {
    this.#supervisor.stopping();
  }
}

type Turn = { stop: Promise<void>; signal: AbortSignal; standing: Standing };

/** Until it is stopped, or another server has the turn: of a log in PostgreSQL there may be several. */
const serveOnce = async (network: InterfaceName, options: ServeOptions, turn: Turn): Promise<void> => {
  const opened = new Opened();
  let isLost = false;
  try {
    const server = await start(network, options, opened, turn);
    if (!server) return;
    say(`listening on ${server.where}`);
    await turn.standing.is(server.status);
    await Promise.race([turn.stop, server.trouble]);
    say(`${network} is no longer served; its tunnels stay up until: innernet-server down ${network}`);
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    isLost = true;
    report('others have to serve', error);
  } finally {
    if (!isLost) turn.standing.ends();
    await opened.close();
    // The one who serves has the same key, and peers must find that one.
    if (isLost) await takeDown(network);
  }
};

type Started = {
  where: string;
  /** In one line. */
  status: () => string;
  /** Rejects on a fatal failure. */
  trouble: Promise<void>;
};

/** Undefined: stopped before its turn came. */
const start = async (
  network: InterfaceName,
  options: ServeOptions,
  opened: Opened,
  turn: Turn,
): Promise<Started | undefined> => {
  const files = filesOf(network, options);
  await refuseOpenFolders(options);
  const conf = readConf(files.conf, (message) => say(`warning: ${message}`));
  const home = await openChecked(network, files, conf, { opened, turn });
  if (!home) return undefined;
  const { log, lost } = home;
  const live = opened.add(await during(`replaying the log of ${network}`, Live.load(log)), (it) => it.stop());
  refuseOtherConf(conf, live.network, files, 'log');
  await refuseSecondServer({
    ...{ device: network, network: live.network, conf, files },
    warn: (message) => say(`warning: ${message}`),
  });
  const range = rangeOf(conf);
  if (!isPrivateRange(range))
    say(`warning: the range ${range} is not private: peers of ${network} cannot reach those who own it`);
  warnOfWaivedProofs(live.network, network);
  const metrics = new Metrics();
  const clock = new SteadyClock();
  const now = () => clock.now();
  const proofClock = new ServerClock();
  const observations = opened.add(new Observations(proofClock.boot, range), (it) => it.close());
  opened.add(
    new ObservationFile(files.observations, observations, (id) => live.network.peer(id) !== undefined),
    (it) => it.close(),
  );
  const standbys = opened.add(
    new Standbys({ log, live, observations, now, file: files.standing, say, report }),
    (it) => it.close(),
  );
  const appended = standbys.telling(metrics.timed(log));
  const plane = metrics.counted(
    standbys.holding(
      new ControlPlane(
        appended,
        live,
        timestamp,
        () => clock.timestamp(),
        () => observations.words(),
      ),
    ),
  );
  traceCommits(live, traceAt(options.verbose, 1));
  const claims = new Claims(files.claims, live, (message) => say(`warning: ${message} ${network}`));
  const unproved = opened.add(
    new UnprovedRefusals({ network, file: files.unproved, live, say: (it) => say(`warning: ${it}`) }),
    (it) => it.close(),
  );
  const limits = new Limits((message) => say(`warning: ${message}`));
  const secret = relaySecret(files.relaySecret);
  const mailboxes: Mailboxes = {
    mailboxOf: (relay, peer) => mailboxOf(secret, relay, peer),
    indicesOf: (peer, other) => relay.indicesOf(peer, other),
  };
  const relay = opened.add(
    new OwnRelay({
      live,
      observations,
      mailboxOf: mailboxes.mailboxOf,
      kernelAt: (port) => KernelWays.start({ network, port, journal: files.relayForwarding, say }),
      forgetKernel: () => forgetRelay(network, files.relayForwarding),
      file: files.relay,
      report,
    }),
    (it) => it.close(),
  );
  const { gate } = standbys;
  const hub = opened.add(new Hub(live, observations, { now, claims, mailboxes, limits, gate }), (it) =>
    it.close(),
  );
  const lingering = new LingeringKeys();
  const losses = new TableLosses(files.tableLosses);
  const passage = opened.add(
    await Passage.start({
      device: network,
      range,
      network: () => live.network,
      refused: phonesRefused(conf, files.conf),
      isKept: !options.allowForwarding,
      journal: files.phoneForwarding,
      losses,
      say,
    }),
    (it) => it.close(),
  );
  lingering.carriesPhones = passage.phonesRefused === undefined;
  const device = await startDevice(network, options, { conf, range, live, observations, lingering, opened });
  const reminder = new StreamReminder({
    talk: new TunnelDatagrams({ device: network, ip: conf.address, port: TALK_PORT }),
    peer: (id) => live.network.peer(id),
    hasStream: (id) => hub.hasStream(id),
  });
  opened.add(reminder, (it) => it.close());
  device.onMet = (id) => reminder.met(id);
  relay.look = () => device.compare();
  passage.onPhones = () => {
    lingering.carriesPhones = passage.phonesRefused === undefined;
    void device.compare().catch(() => {});
  };
  const proofs = new Proofs(conf.privateKey, live, proofClock);
  const sessions = opened.add(
    new Sessions({ live, device, lingering, relay, streams: hub, proofs, limits }),
    (it) => it.close(),
  );
  await relay.start();
  passage.begin();
  live.subscribe(() => void passage.follow());
  observations.reportOwn(SERVER_PEER, candidatesFrom(localAddresses(network), conf.listenPort, range));
  opened.add(new HostsFollower(live, network, options, report), (it) => it.close());
  const endpoint = internalEndpoint(conf);
  const past = opened.add(new FarAnswerer(new URL('./past-thread.js', import.meta.url), files.log), (it) =>
    it.close(),
  );
  const digests = new DigestPages(live, past);
  const api = opened.add(
    await Api.create({
      live,
      plane: unproved.watching(plane),
      unproved,
      observations,
      past,
      snapshots: new Snapshots(live, digests),
      digests,
      streams: hub,
      standbys,
      held: () => standbys.level(),
      limits,
      sessions,
      proofs,
      phonesRefused: () => passage.phonesRefused,
      serverKey: publicKeyOf(conf.privateKey),
      endpoint,
      report,
      trace: traceAt(options.verbose, 2),
    }),
    (it) => it.close(),
  );
  const socket = new ApiSocket(api.server, { device: network, ip: conf.address, port: conf.listenPort });
  await opened.add(socket, (it) => it.close()).open();
  opened.add(new Expiry(live, plane, report, clock), (it) => it.stop());
  opened.add(new Enforcers(live, plane, hub, report), (it) => it.stop());
  keepStates(log, live);
  const sources = {
    network,
    live,
    hub,
    limits,
    unproved,
    relay,
    losses,
    standbys,
    device: () => device.lastRead,
  };
  if (options.metrics)
    opened.add(await MetricsDoor.open(options.metrics, () => metrics.text(sources)), (it) => it.close());
  return {
    where: `${endpoint} (network ${network}, position ${live.head.position})`,
    status: () => `serving ${network} on ${endpoint}: position ${live.head.position}`,
    trouble: Promise.race([live.run(), watch(log, socket, opened), audited(log, opened), lost]),
  };
};

/** Rejects on damage anywhere in the log. */
const audited = (log: EventLog, opened: Opened): Promise<void> => {
  const stop = opened.add(new AbortController(), (it) => it.abort());
  return audit(log, stop.signal).then(() => new Promise(() => {}));
};

/** A log to serve, and what rejects when another server may serve it. */
type Home = { log: EventLog; lost: Promise<void> };

/**
 * Imports innernet 2.0's database if needed, locks out a second server, waits for its turn, checks the log's
 * end. Undefined: stopped before that.
 */
const openChecked = async (
  network: InterfaceName,
  files: NetworkFiles,
  conf: ServerConf,
  { opened, turn }: { opened: Opened; turn: Turn },
): Promise<Home | undefined> => {
  opened.add(ProcessLock.take(files.lock, `a server of ${network}`), (it) => it.release());
  const { postgres } = conf;
  if (!postgres) await during(`taking over ${network}`, importOnce(network, files, conf, say));
  const kept = (copy: string): void =>
    say(`the log is brought to the format of this version; as it was before, it is kept as ${copy}`);
  const log = opened.add(await openLog({ file: files.log, migrate: { kept }, postgres }), (it) => it.close());
  const held = postgres ? await turnOf(network, files, postgres, { log, opened, turn }) : { lost: never() };
  if (!held) return undefined;
  await checkWitness(log);
  await checkTail(log);
  if (!postgres) await warnOfForeignChanges(log, files, say);
  return { log, ...held };
};

const never = (): Promise<void> => new Promise(() => {});

/** Waits for the database and the lease, and keeps the copy level meanwhile; gives what rejects when it is lost. */
const turnOf = async (
  network: InterfaceName,
  { log: file }: NetworkFiles,
  postgres: PostgresAddress,
  { log, opened, turn: { signal, standing } }: { log: EventLog; opened: Opened; turn: Turn },
): Promise<Pick<Home, 'lost'> | undefined> => {
  const { Lease } = await import('../store/postgres/lease.ts');
  let waiting = '';
  const onWait = (reason: string): void => {
    waiting = reason;
    say(`waiting: ${reason}`);
    void standing.is(() => `waiting: ${waiting}`);
  };
  const stopFollowing = log.wake(() => {});
  try {
    if (!(await reached(log, signal, onWait))) return undefined;
    const lease = await Lease.take(postgres, network, ownServer(file), { signal, onWait });
    if (!lease) return undefined;
    const lost = opened.add(lease, (it) => it.release()).lost();
    lost.catch(() => {}); // it may come while the server starts
    await log.refresh();
    return { lost };
  } finally {
    stopFollowing();
  }
};

/** Whether the database answered before the signal. Throws `Failure` where waiting does not help. */
const reached = async (
  log: EventLog,
  signal: AbortSignal,
  onWait: (reason: string) => void,
): Promise<boolean> => {
  let said = '';
  while (!signal.aborted) {
    try {
      await log.refresh();
      return true;
    } catch (error) {
      if (!(error instanceof DatabaseAway)) throw error;
      if (error.message !== said) onWait(error.message);
      said = error.message;
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return false;
};

/** Older and imported networks stay open until the operator requires proofs. */
const warnOfWaivedProofs = ({ isProofRequired }: Network, network: string): void => {
  if (isProofRequired) return;
  say(
    'warning: proofs by key are waived: any program on the machine of an admin can change the network; ' +
      `to require them: innernet-server require-proof ${network}`,
  );
};

type DeviceParts = {
  conf: ServerConf;
  range: Cidr;
  live: Live;
  observations: Observations;
  lingering: LingeringKeys;
  opened: Opened;
};

/** Made or adopted; stays when the server stops. */
const startDevice = async (
  network: InterfaceName,
  { mtu, routing, backend }: ServeOptions,
  { conf, range, live, observations, lingering, opened }: DeviceParts,
): Promise<DeviceFollower> => {
  const address = `${conf.address}/${conf.prefix}` as Cidr;
  const tunnel = { name: network, address, network: range, mtu, routing, backend };
  const { device, adopted } = await bringUp(tunnel, say);
  const keys = { privateKey: conf.privateKey, publicKey: publicKeyOf(conf.privateKey) };
  const own = { keys, listenPort: conf.listenPort };
  const follower = await DeviceFollower.start({
    live,
    device,
    observations,
    lingering,
    network: range,
    own,
    report,
  }).catch(async (error: unknown) => {
    // An adopted device stays as it was.
    if (!adopted) await takeDown(network).catch(() => {});
    throw error;
  });
  return opened.add(follower, (it) => it.close());
};

const traceCommits = (live: Live, trace: Trace): void => {
  live.subscribe(({ commit: { to, actor, commandId, events } }) =>
    trace('commit', { position: to, actor, commandId, types: events.map(({ type }) => type) }),
  );
};

/** So that a start replays little. */
const keepStates = (log: EventLog, live: Live): void => {
  let stored = live.head.position;
  live.subscribe(({ commit }) => {
    if (commit.to - stored < WINDOW_RECORDS) return;
    stored = commit.to;
    void storeState(log, live.network).catch((error: unknown) =>
      report('a state could not be stored', error),
    );
  });
};

/** Ends the server when its log is broken; listens again when its device was remade. */
const watch = async (log: EventLog, socket: ApiSocket, opened: Opened): Promise<void> => {
  const ended = opened.add(new AbortController(), (it) => it.abort());
  while (!ended.signal.aborted) {
    await sleep(LOOK_EVERY_MS);
    if (log.broken) {
      throw new Failure(`the log cannot be written any more: ${log.broken.message}`, {
        hint: 'look at the disk, then start the server again',
        cause: log.broken,
      });
    }
    await socket.follow().catch((error: unknown) => report('the API cannot be reached', error));
  }
};
