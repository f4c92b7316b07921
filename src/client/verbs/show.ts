/** `innernet show`: prints networks and their peers: long, short, as a tree or as JSON. */
import { answer, answerJson, localTime, note, paint } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { type Ip, toNumber } from '../../values/ip.ts';
import { type PublicKey, shortKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { allowsText } from '../../values/opening.ts';
import { thievesText } from '../../wireguard/guard.ts';
import { doubtSentence } from '../memory/doubt.ts';
import { installedNetworks } from '../memory/paths.ts';
import { restoredSentence } from '../memory/restored.ts';
import type { ShowOptions } from '../options.ts';
import { shutOutHint, shutOutText } from '../owner/shut-out.ts';
import { lookAtRelaying } from '../relay/relaying.ts';
import { dnsText } from '../tunnels/resolvers.ts';
import {
  type BlockOfRoute,
  type NetworkReport,
  type PathOfPeer,
  type PeerReport,
  reportOf,
} from './report.ts';
import { throwFirst } from './troubles.ts';

/** Shows one network or all installed ones; throws the first failure at the end. */
export const show = async (network: InterfaceName | undefined, options: ShowOptions): Promise<void> => {
  const networks = network ? [network] : await installedNetworks(options);
  if (networks.length === 0 && !options.json)
    return note('innernet: no network is installed; join one: innernet install INVITATION');
  const reports: NetworkReport[] = [];
  const errors: unknown[] = [];
  for (const name of networks)
    await reportOf(name, options).then(
      (report) => reports.push(report),
      (error: unknown) => errors.push(error),
    );
  if (options.json && errors.length === 0) return answerJson(reports);
  if (!options.json && reports.length > 0)
    answer(reports.map((report) => textOf(report, options)).join('\n\n'));
  throwFirst(errors);
};

const textOf = (report: NetworkReport, options: ShowOptions): string => {
  const lines = [...headOf(report), ...warningsOf(report)];
  if (options.tree) lines.push(...treeOf(report, options));
  else if (options.short) lines.push(...sorted(report.peers).map((peer) => `| ${shortLine(peer, options)}`));
  else for (const peer of sorted(report.peers)) lines.push('', ...longLines(peer, options));
  return lines.join('\n');
};

const headOf = (report: NetworkReport): string[] => {
  const { network, range, isUp, listenPort, isFollowed, isConnected, isPolled, isShutOut } = report;
  const lines = [`${paint('bold', 'network')}: ${paint('bold', network)} (${range})`];
  if (report.servesSince !== null)
    return [
      ...lines,
      `  ${paint('yellow', 'served here')}: its standby on this machine was promoted on ${localTime(report.servesSince)}`,
    ];
  if (!isUp)
    return [...lines, `  ${paint('yellow', 'down')}: bring it up with: innernet up --daemon ${network}`];
  lines.push(`  listening port: ${listenPort}`);
  if (!isFollowed) lines.push(`  changes are not followed: innernet up --daemon ${network}`);
  else if (isShutOut)
    lines.push(`  ${paint('red', 'shut out')}: ${shutOutText(network)}: ${shutOutHint(network)}`);
  else if (isPolled) lines.push('  the server has no live stream: it is asked for news now and then');
  else if (!isConnected) lines.push('  not connected to the server now: tunnels stay as they are');
  return [...lines, ...relayLines(report), ...routeLines(report)];
};

const relayLines = ({ network, relaying, peers }: NetworkReport): string[] => {
  const name = peers.find(({ isSelf }) => isSelf)?.name ?? 'NAME';
  const look = relaying && lookAtRelaying(relaying, network, printable(name));
  if (!look) return [];
  const line = `  relay: ${look.grade === 'ok' ? look.found : paint('yellow', printable(look.found))}`;
  return look.hint === undefined ? [line] : [line, `    ${look.hint}`];
};

/** `route: office 192.168.50.0/24 by press (standby: desk)`. */
const routeLines = ({ routes, exit, network }: NetworkReport): string[] => [
  ...routes.flatMap(({ name, isExit, blocks }) => {
    const [title, first] = [printable(name), blocks[0]];
    if (isExit && first && blocks.every(({ state }) => state === 'off'))
      return [`  exit: ${title}, not used`];
    return blocks.map(
      (block) => `  ${isExit ? 'exit' : 'route'}: ${title} ${block.block} ${blockText(block)}`,
    );
  }),
  ...(exit && !exit.isShown
    ? [
        `  ${paint('yellow', 'exit')}: the one of this machine is not open to it any more: nothing leaves; innernet use-exit ${network} off`,
      ]
    : []),
  ...(exit && exit.resolversOutside.length > 0
    ? [`  ${paint('yellow', 'warning')}: ${dnsText(exit.resolversOutside)}`]
    : []),
];

const blockText = ({ state, by, standby, reason, about }: BlockOfRoute): string => {
  const others = about.map(printable).join(', ');
  switch (state) {
    case 'used':
      return `by ${printable(by ?? '')}${standby.length > 0 ? ` (standby: ${standby.map(printable).join(', ')})` : ''}`;
    case 'held':
      return `${paint('yellow', 'held')}: ${printable(reason ?? '')}`;
    case 'waits':
      return `waits for the word of ${others}`;
    case 'notReady':
      return `${paint('yellow', 'not ready')}: ${others} says ${printable(reason ?? 'no more')}`;
    case 'unrouted':
      return 'has no router that this machine sees';
    case 'off':
      return 'not used';
    case null:
      return 'as this machine was told; nothing follows the network now';
  }
};

const warningsOf = (report: NetworkReport): string[] => {
  const { network, alarm, held, isServerSilent, serverHeard, server } = report;
  const lines: string[] = [];
  if (report.overlaps.length > 0) lines.push(...overlapLines(report));
  if (server.doubt)
    lines.push(
      `  ${paint('red', 'ALARM')}: ${doubtSentence(server.doubt)} (${server.doubt})`,
      `    if the network went back to an older server: innernet acknowledge ${network} --older-server`,
    );
  if (alarm)
    lines.push(
      `  ${paint('red', 'ALARM')}: the server shows another history than before (${alarm.breach}, position ${alarm.position}): nobody new is let in`,
    );
  if (report.restored)
    lines.push(
      `  ${paint('red', 'RESTORED')}: ${restoredSentence(report.restored)}`,
      `    if that is known to you: innernet acknowledge ${network}`,
    );
  for (const { name, rule, reason, isPinned, ip } of held) {
    lines.push(`  ${paint('red', 'held back')}: ${printable(name)} (${rule}): ${reason}`);
    if (rule === 'SeenGone')
      lines.push(`    an admin lets it in: enable-peer ${network} --name ${printable(name)}`);
    if (isPinned) lines.push(`    if that is right: innernet forget-pin ${network} ${ip}`);
  }
  if (report.canLimit === false)
    lines.push(
      `  ${paint('yellow', 'nftables does not work here')}: peers whose ports are limited stay away (see: innernet doctor ${network})`,
    );
  if (isServerSilent)
    lines.push(
      `  ${paint('yellow', 'server silent')} ${serverHeard ? `since ${ago(serverHeard)} (${serverHeard})` : 'so far'}: it is down, or this machine was disabled`,
    );
  return lines;
};

const overlapLines = ({ overlaps, range, isUp, isGuarded, network }: NetworkReport): string[] => {
  const head = `  ${paint('red', 'ALARM')}: ${printable(thievesText(overlaps))} would take addresses of ${range} away`;
  if (isGuarded) return [`${head}: nothing of the network goes there, nor can anybody else be reached there`];
  return [`${head}${isUp ? `, and nothing keeps it from that: innernet up ${network}` : ''}`];
};

const sorted = (peers: readonly PeerReport[]): PeerReport[] =>
  peers.toSorted((left, right) => {
    if (left.isSelf !== right.isSelf) return left.isSelf ? -1 : 1;
    const [a, b] = [toNumber(left.ip as Ip), toNumber(right.ip as Ip)];
    return a < b ? -1 : a > b ? 1 : 0;
  });

const keyText = ({ publicKey }: PeerReport, { verbose }: ShowOptions): string =>
  verbose > 0 ? publicKey : shortKey(publicKey as PublicKey);

/** `◉ 10.61.1.1: ann (you, AbCdEfGhIj…)`; the sign says connected or not. */
const shortLine = (peer: PeerReport, options: ShowOptions): string => {
  const sign = peer.isConnected ? paint('green', '◉') : '◯';
  const who = peer.isSelf ? `you, ${keyText(peer, options)}` : keyText(peer, options);
  return `${sign} ${peer.ip}: ${paint('bold', printable(peer.name))} (${who})`;
};

const longLines = (peer: PeerReport, options: ShowOptions): string[] => {
  const who = peer.isSelf ? `you, ${keyText(peer, options)}` : keyText(peer, options);
  const lines = [
    `${paint('green', 'peer')}: ${paint('bold', printable(peer.name))} (${who})`,
    `  ip: ${peer.ip}`,
  ];
  if (peer.endpoint)
    lines.push(`  endpoint: ${peer.endpoint}${peer.isOverridden ? ' (overridden here)' : ''}`);
  if (peer.via !== undefined)
    lines.push(`  way: by ${printable(peer.via)}, which can read it: this is a phone`);
  if (peer.path && !peer.isSelf) lines.push(`  way: ${wayText(peer.path)}`);
  if (peer.limits) lines.push(...limitLines(peer.limits));
  if (peer.unreached) lines.push(`  ${paint('yellow', 'not reached')}: ${peer.unreached}`);
  if (peer.expires) lines.push(`  time ends: ${localTime(peer.expires)}`);
  if (peer.latestHandshake) lines.push(`  last handshake: ${ago(peer.latestHandshake)}`);
  if (peer.rxBytes > 0 || peer.txBytes > 0)
    lines.push(`  transfer: ${bytes(peer.rxBytes)} received, ${bytes(peer.txBytes)} sent`);
  return lines;
};

/** Both ends are seen, whatever they may begin. */
const limitLines = ({ inbound, outbound }: NonNullable<PeerReport['limits']>): string[] => [
  `  may be opened to it: ${allowsText(outbound)}${outbound.length > 0 ? '' : ' (it can be seen, and cannot be called)'}`,
  `  may be opened by it: ${allowsText(inbound)}`,
];

/** `relayed by innernet-server, 42 ms, for 2 minutes: the routers of both ends change ports`. */
const wayText = ({ kind, relay, reason, since, roundTripMs }: PathOfPeer): string => {
  const way = relay === null ? kind : `${kind} by ${printable(relay)}`;
  const facts = [
    way,
    ...(roundTripMs === null ? [] : [`${roundTripMs} ms there and back`]),
    ...(since === null ? [] : [`since ${ago(since)}`]),
  ].join(', ');
  return reason === null ? facts : `${facts}: ${reason}`;
};

/** Peers under their CIDRs; empty CIDRs are shown too. */
const treeOf = ({ cidrs, peers }: NetworkReport, options: ShowOptions): string[] => {
  const known = new Set<number>(cidrs.map(({ id }) => id));
  const roots = cidrs.filter(({ parentId }) => parentId === null || !known.has(parentId));
  const draw = (id: number, depth: number): string[] => {
    const indent = '  '.repeat(depth + 1);
    return [
      ...sorted(peers.filter(({ cidrId }) => cidrId === id)).map(
        (peer) => `${indent}| ${shortLine(peer, options)}`,
      ),
      ...cidrs
        .filter(({ parentId }) => parentId === id)
        .flatMap((child) => [
          `${indent}${child.cidr} ${printable(child.name)}`,
          ...draw(child.id, depth + 1),
        ]),
    ];
  };
  return roots.flatMap((root) => [`${root.cidr} ${printable(root.name)}`, ...draw(root.id, 0)]);
};

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

/** `2 minutes, 5 seconds ago`. */
const ago = (moment: string): string => {
  let rest = Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1000));
  const parts: string[] = [];
  for (const [seconds, unit] of UNITS) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
  }
  return parts.length > 0 ? `${parts.slice(0, 2).join(', ')} ago` : 'now';
};

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

const bytes = (count: number): string => {
  const power = count < 1024 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(count) / 10));
  return power === 0 ? `${count} B` : `${(count / 1024 ** power).toFixed(2)} ${SIZES[power]}`;
};
