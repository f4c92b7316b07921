/** What this machine knows of its own way to another peer, beside what the rules allow. */
import type { GlobalOptions } from '../../cli/options.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type NetworkReport, type PeerReport, reportOf } from './report.ts';

type Known = Pick<
  NetworkReport,
  'isUp' | 'isFollowed' | 'isShutOut' | 'isServerSilent' | 'serverHeard' | 'held' | 'peers' | 'position'
>;

const ofPeer = ({ name, endpoint, latestHandshake, isConnected }: PeerReport): string[] => {
  if (isConnected) return [`a session with ${name} stands, the last handshake was at ${latestHandshake}`];
  const handshake =
    latestHandshake === null
      ? `there was no handshake with ${name} yet`
      : `the last handshake with ${name} was at ${latestHandshake}: it is offline, or nothing gets through`;
  return [handshake, ...(endpoint === null ? [`no endpoint of ${name} is known`] : [])];
};

const ofMachine = ({ isUp, isFollowed, isShutOut, isServerSilent, serverHeard }: Known): string[] => {
  if (!isUp) return ['the network is down here: innernet up'];
  if (isShutOut) return ['the server says that this machine is disabled or deleted'];
  const silence = `the server is silent ${serverHeard ? `since ${serverHeard}` : 'so far'}`;
  return [
    ...(isServerSilent ? [`${silence}: it is down, or this machine was disabled`] : []),
    ...(isFollowed ? [] : ['no process follows the changes of this network here: innernet up --daemon']),
  ];
};

/** One sentence for each finding about a pair with this machine; else nothing. */
export const realityIn = (known: Known, names: readonly [string, string]): string[] => {
  const self = known.peers.find(({ isSelf }) => isSelf)?.name;
  if (self === undefined || !names.includes(self)) return [];
  const name = names.find((each) => each !== self);
  const sentences = ofMachine(known);
  for (const held of known.held)
    if (held.name === name) sentences.push(`${held.name} is held back (${held.rule}): ${held.reason}`);
  const peer = known.peers.find((each) => each.name === name);
  if (peer) sentences.push(...ofPeer(peer));
  else if (name !== undefined)
    sentences.push(
      `${name} is not among the peers that this machine has, which stand at position ${known.position ?? 0}`,
    );
  return sentences;
};

export const realityOf = async (
  network: InterfaceName,
  names: readonly [string, string],
  options: GlobalOptions,
): Promise<string[]> => realityIn(await reportOf(network, options), names);
