/** `innernet-server show`: this machine's networks and their peers' connections. */
import { isSeenNow, seenText } from '../../cli/last-seen.ts';
import { networksIn } from '../../cli/networks.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { byAddress } from '../../cli/peer-choices.ts';
import { stateOf } from '../../cli/peers.ts';
import type { NetworkView } from '../../cli/plane.ts';
import { answer, answerJson, note, paint } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import { type RelayReport, relayReport } from '../../relay/relay-report.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { ROOT_CIDR, SERVER_PEER } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Timestamp } from '../../values/time.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { filesOf } from '../disk/files.ts';
import { LocalPlane } from './local-plane.ts';

export type ShowOptions = GlobalOptions & { json?: true | undefined };

/** Without `network`, all, perhaps none. Throws `Failure` for an unreadable one. */
export const show = async (network: InterfaceName | undefined, options: ShowOptions): Promise<void> => {
  const networks = network ? [network] : networksIn(options);
  if (networks.length === 0 && !options.json)
    return note('innernet-server: no network is here; make one: innernet-server new');
  const reports: Report[] = [];
  for (const name of networks) reports.push(await reportOf(name, options));
  if (options.json) answerJson(reports);
  else answer(reports.map(textOf).join('\n\n'));
};

type Report = Awaited<ReturnType<typeof reportOf>>;

const reportOf = async (network: InterfaceName, options: GlobalOptions) => {
  const plane = await LocalPlane.open(network, options);
  try {
    const view = await plane.view();
    const seen = new Map((await plane.seen(view)).map(({ peerId, last }) => [peerId, last]));
    const device = await openDevice(network);
    const server = view.peers.find(({ id }) => id === SERVER_PEER);
    return {
      network,
      range: view.cidrs.find(({ id }) => id === ROOT_CIDR)?.cidr ?? null,
      ip: server?.ip ?? null,
      endpoint: server?.endpoint ?? null,
      isServed: ProcessLock.isHeld(filesOf(network, options).lock),
      isUp: device !== undefined,
      listenPort: (await device?.read())?.listenPort ?? null,
      position: view.position,
      relay: await relayReport(network, server?.relayPort, filesOf(network, options).relay),
      peers: peersOf(view, seen, device !== undefined),
    };
  } finally {
    await plane.close();
  }
};

const peersOf = ({ peers, cidrs }: NetworkView, seen: ReadonlyMap<number, Timestamp>, isUp: boolean) => {
  const cidrOf = new Map(cidrs.map(({ id, name }) => [id, name]));
  return peers
    .filter(({ id }) => id !== SERVER_PEER)
    .sort(byAddress)
    .map((peer) => ({
      ...peer,
      cidr: cidrOf.get(peer.cidrId) ?? null,
      isConnected: isUp && isSeenNow(seen.get(peer.id)),
      lastSeen: seen.get(peer.id) ?? null,
    }));
};

const textOf = (report: Report): string => {
  const { network, range, ip, endpoint, isServed, isUp, listenPort, relay, peers } = report;
  const connected = peers.filter(({ isConnected }) => isConnected).length;
  const serving = isServed
    ? 'is being served'
    : `${paint('yellow', 'not served')}: no change is passed on: systemctl start innernet-server@${network}`;
  const port = isUp ? `UDP port ${listenPort}, reached at ${endpoint}` : paint('yellow', 'no tunnel is up');
  return [
    `${paint('bold', 'network')}: ${paint('bold', network)} (${range}), this server at ${ip}`,
    `  ${serving}`,
    `  ${port}`,
    ...(relay ? [`  ${relayText(relay)}`] : []),
    `  ${connected} of ${peers.length} peers connected`,
    ...peers.map(lineOf),
  ].join('\n');
};

const relayText = ({ port, isOpen, mailboxes, byKernel }: RelayReport): string => {
  if (!isOpen) return paint('yellow', `relay: nothing listens at UDP port ${port}`);
  const by = byKernel ? 'the kernel passes data on' : 'innernet-server passes data on, which is slower';
  return `relay at UDP port ${port}, ${mailboxes} mailbox${mailboxes === 1 ? '' : 'es'} open; ${by}`;
};

/** `◉ 10.61.1.1: ann (humans), now` */
const lineOf = (peer: Report['peers'][number]): string => {
  const { name, ip, cidr, isConnected, lastSeen, isRedeemed, isDisabled } = peer;
  const sign = isConnected ? paint('green', '◉') : '◯';
  const state =
    isRedeemed && !isDisabled
      ? `seen ${seenText(lastSeen ?? undefined)}`
      : stateOf(peer, new Date().toISOString() as Timestamp);
  return `| ${sign} ${ip}: ${paint('bold', printable(name))} (${printable(cidr ?? '')}), ${state}`;
};
