/** The metrics of a running server, in Prometheus's text format. */
import { endingSoon } from '../../domain/ends.ts';
import { printable, Rejected } from '../../domain/rejection.ts';
import type { StandbyReport } from '../../protocol/rows.ts';
import type { Timestamp } from '../../values/time.ts';
import { type DeviceState, isLive } from '../../wireguard/device.ts';
import { appendingBy, type ControlPlane, type WritableLog } from '../commands/control-plane.ts';
import type { TableLosses } from '../device/table-losses.ts';
import type { Limits } from '../limits.ts';
import type { Live } from '../live/live.ts';
import type { UnprovedRefusals } from '../observations/unproved-refusals.ts';
import type { OwnRelay } from '../relay/own-relay.ts';
import type { Standbys } from '../standby/standbys.ts';
import type { Hub } from '../stream/hub.ts';

/** Upper bounds, in seconds. */
const APPEND_BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5] as const;
const AGE_BOUNDS = [30, 60, 120, 180, 300, 600, 3600, 86_400] as const;

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    for (const [index, bound] of this.#bounds.entries())
      if (value <= bound) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  lines(name: string): string[] {
    return [
      ...this.#bounds.map((bound, index) => `${name}_bucket{le="${bound}"} ${this.#counts[index]}`),
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

/** Read at each request. */
export type Sources = {
  network: string;
  live: Pick<Live, 'head' | 'network'>;
  hub: Pick<Hub, 'members' | 'framesSent'>;
  limits: Pick<Limits, 'counts'>;
  unproved: Pick<UnprovedRefusals, 'rows'>;
  device: () => DeviceState | undefined;
  relay: { readonly counts?: OwnRelay['counts'] };
  losses: Pick<TableLosses, 'times'>;
  standbys: Pick<Standbys, 'report'>;
};

type Kind = 'counter' | 'gauge' | 'histogram';

const family = (name: string, kind: Kind, help: string, lines: string[]): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${kind}`,
  ...lines,
];

const one = (name: string, kind: Kind, help: string, value: number): string[] =>
  family(name, kind, help, [`${name} ${value}`]);

export class Metrics {
  readonly #appends = new Histogram(APPEND_BOUNDS);
  readonly #refusals = new Map<string, number>();

  /** Measures the log's appends. */
  timed(log: WritableLog): WritableLog {
    return appendingBy(log, async (expected, commits) => {
      const start = performance.now();
      const result = await log.append(expected, commits);
      if (result.kind === 'committed') this.#appends.observe((performance.now() - start) / 1000);
      return result;
    });
  }

  /** Counts refusals by code. */
  counted(plane: Pick<ControlPlane, 'execute'>): Pick<ControlPlane, 'execute'> {
    return {
      execute: async (command, request) => {
        try {
          return await plane.execute(command, request);
        } catch (error) {
          if (error instanceof Rejected) this.#note(error.rejection.code);
          throw error;
        }
      },
    };
  }

  #note(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  text(sources: Sources, now = Date.now()): string {
    const { network, live, hub, limits, unproved, device, relay, losses, standbys } = sources;
    const lines = [
      ...this.#logLines(live),
      ...endLines(live, now),
      ...clientLines(hub),
      ...this.#refusalLines(),
      ...limitLines(limits),
      ...unprovedLines(network, live, unproved),
      ...deviceLines(device(), now),
      ...relayLines(relay.counts),
      ...lossLines(losses),
      ...standbyLines(live, standbys.report(), now),
    ];
    return `${lines.join('\n')}\n`;
  }

  #logLines({ head, network }: Sources['live']): string[] {
    return [
      ...one('innernet_head_position', 'gauge', 'Position of the last record of the log.', head.position),
      ...one(
        'innernet_peers',
        'gauge',
        'Peers of the network, invited and disabled ones too.',
        network.peerCount,
      ),
      ...family(
        'innernet_append_seconds',
        'histogram',
        'How long a durable append to the log took.',
        this.#appends.lines('innernet_append_seconds'),
      ),
    ];
  }

  #refusalLines(): string[] {
    const name = 'innernet_refusals_total';
    const lines = [...this.#refusals].map(([code, count]) => `${name}{code="${code}"} ${count}`);
    return family(name, 'counter', 'Commands that a rule refused.', lines.sort());
  }
}

const endLines = ({ network }: Sources['live'], now: number): string[] => {
  const soon = endingSoon(network.ending(), new Date(now).toISOString() as Timestamp);
  const help = 'Enabled peers whose time ends within a week: set-expiry gives them another end.';
  return one('innernet_peers_ending', 'gauge', help, soon.length);
};

const limitLines = (limits: Sources['limits']): string[] => {
  const name = 'innernet_limits_exceeded_total';
  const lines = Array.from(limits.counts(), ([limit, count]) => `${name}{limit="${limit}"} ${count}`);
  return family(name, 'counter', 'How often peers exceeded what they may do.', lines);
};

/** Names from an import may hold anything. */
const label = (text: string): string => printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');

const unprovedLines = (
  network: string,
  { network: state }: Sources['live'],
  unproved: Sources['unproved'],
): string[] => {
  const name = 'innernet_unproved_refusals_total';
  const help =
    'Requests refused for want of a proof by key: bring innernet on that machine up to date, or ' +
    `innernet-server waive-proof ${network} --name PEER.`;
  const lines = unproved.rows().map(({ peerId, count }) => {
    const called = state.peer(peerId)?.name ?? String(peerId);
    return `${name}{peer="${label(called)}"} ${count}`;
  });
  return family(name, 'counter', help, lines);
};

const clientLines = (hub: Sources['hub']): string[] => {
  const members = [...hub.members()];
  const behind = members.filter(({ isLevel }) => !isLevel).length;
  const queued = members.reduce((sum, { socket }) => sum + socket.bufferedAmount, 0);
  const held = members.reduce((sum, member) => sum + member.held, 0);
  return [
    ...one('innernet_clients_live', 'gauge', 'Clients on the live stream.', members.length),
    ...one(
      'innernet_clients_behind',
      'gauge',
      'Those whose WireGuard is not yet at what they were told.',
      behind,
    ),
    ...one(
      'innernet_clients_slow',
      'gauge',
      'Those whose queue is full.',
      members.filter(({ isBehind }) => isBehind).length,
    ),
    ...one('innernet_clients_held', 'gauge', 'Peers that clients hold back by their pins or an alarm.', held),
    ...one('innernet_frames_sent_total', 'counter', 'Frames sent to clients.', hub.framesSent),
    ...one('innernet_queue_bytes', 'gauge', 'Bytes that wait for clients to read them.', queued),
  ];
};

const deviceLines = (state: DeviceState | undefined, now: number): string[] => {
  const peers = [...(state?.peers.values() ?? [])];
  const ages = new Histogram(AGE_BOUNDS);
  for (const { latestHandshake } of peers)
    if (latestHandshake !== undefined) ages.observe(Math.max(0, (now - latestHandshake) / 1000));
  const connected = peers.filter((peer) => isLive(peer, now)).length;
  return [
    ...one('innernet_device_peers', 'gauge', "Peers on the server's WireGuard device.", peers.length),
    ...one('innernet_device_peers_connected', 'gauge', 'Those with a session.', connected),
    ...family(
      'innernet_handshake_age_seconds',
      'histogram',
      'How long ago the last handshake of each peer on the device was.',
      ages.lines('innernet_handshake_age_seconds'),
    ),
  ];
};

const lossLines = ({ times }: Sources['losses']): string[] => {
  const help =
    "How often another program removed or changed the server's table of nftables: it was made again.";
  return one('innernet_table_restored_total', 'counter', help, times);
};

/** None where no standby is named. */
const standbyLines = (
  { head, network }: Sources['live'],
  { aloneSince, standbys: rows }: StandbyReport,
  now: number,
): string[] => {
  if (rows.length === 0) return [];
  const name = 'innernet_standby_behind_records';
  const lines = rows.flatMap(({ peerId, position }) => {
    const called = network.peer(peerId)?.name ?? String(peerId);
    return position === null ? [] : [`${name}{peer="${label(called)}"} ${head.position - position}`];
  });
  const alone = aloneSince === null ? 0 : Math.max(0, (now - Date.parse(aloneSince)) / 1000);
  const level = rows.filter(({ isLevel }) => isLevel).length;
  return [
    ...one('innernet_standbys_level', 'gauge', 'Standbys that have every acknowledged change.', level),
    ...one('innernet_alone_seconds', 'gauge', 'For how long no standby has been level; 0: one is.', alone),
    ...family(name, 'gauge', 'Records that a standby lacks on its disk.', lines),
  ];
};

/** None where the server is no relay. */
const relayLines = (counts: OwnRelay['counts']): string[] => {
  if (!counts) return [];
  const { pairs, passed, dropped, byKernel } = counts;
  const name = 'innernet_relay_dropped_total';
  const reasons = Array.from(dropped, ([reason, count]) => `${name}{reason="${reason}"} ${count}`);
  const by = (what: string, program: number, kernel: number): string[] =>
    family(`innernet_relay_${what}_total`, 'counter', `${what} that the relay passed on, by whom.`, [
      `innernet_relay_${what}_total{by="program"} ${program}`,
      `innernet_relay_${what}_total{by="kernel"} ${kernel}`,
    ]);
  return [
    ...one('innernet_relay_pairs', 'gauge', 'Pairs with a session through this relay.', pairs),
    ...by('packets', passed.packets, byKernel?.sent ?? 0),
    ...by('bytes', passed.bytes, byKernel?.bytes ?? 0),
    ...family(name, 'counter', 'Packets that the relay did not pass on.', reasons),
  ];
};
