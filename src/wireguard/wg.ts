/** Arguments of the program `wg` for steps, and the parser of its dump. */
import { SocketAddress } from '../values/endpoint.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import type { InterfaceName } from '../values/name.ts';
import type { DeviceState, PeerConfig, PeerState, PeerStep, Step } from './device.ts';
import { blockRead, keyTextRead, markRead, numberRead } from './reading.ts';

/** A call of `wg`; `privateKey` goes to its stdin. */
export type WgCall = { args: string[]; privateKey?: PrivateKey };

/** About 150 bytes each; the kernel's limits are 128 KiB per argument and 2 MiB in all. */
const MAX_STEPS_PER_CALL = 1000;

/** `wg set` for the steps, in order; more than one call only for very many. */
export const setCalls = (name: InterfaceName, steps: readonly Step[]): WgCall[] => {
  const calls: WgCall[] = [];
  for (let from = 0; from < steps.length; from += MAX_STEPS_PER_CALL)
    calls.push(setCall(name, steps.slice(from, from + MAX_STEPS_PER_CALL)));
  return calls;
};

/** Device settings go first: `wg` takes everything after the first peer as that peer's. */
const setCall = (name: InterfaceName, steps: readonly Step[]): WgCall => {
  const device: string[] = [];
  const peers: string[] = [];
  let privateKey: PrivateKey | undefined;
  for (const step of steps) {
    if (step.kind === 'privateKey') {
      privateKey = step.privateKey;
      device.push('private-key', '/dev/stdin');
    } else if (step.kind === 'listenPort') device.push('listen-port', String(step.listenPort));
    else if (step.kind === 'fwmark') device.push('fwmark', String(step.fwmark));
    else peers.push(...peerWords(step));
  }
  return { args: ['set', name, ...device, ...peers], ...(privateKey ? { privateKey } : {}) };
};

const peerWords = (step: PeerStep): string[] => {
  switch (step.kind) {
    case 'remove':
      return ['peer', step.publicKey, 'remove'];
    case 'recreate':
      return ['peer', step.publicKey, 'remove', ...settings(step)];
    // Older versions of wg cannot add; what another peer has passes over with the whole list as well.
    case 'allow':
      return settings({ publicKey: step.publicKey, allowedIps: step.allowedIps });
    case 'set':
      return settings(step);
  }
};

const settings = ({
  publicKey,
  endpoint,
  keepalive,
  allowedIps,
}: Partial<PeerConfig> & { publicKey: PublicKey }): string[] => {
  const words = ['peer', publicKey];
  if (endpoint !== undefined) words.push('endpoint', endpoint);
  if (keepalive !== undefined) words.push('persistent-keepalive', String(keepalive));
  if (allowedIps) words.push('allowed-ips', allowedIps.join(','));
  return words;
};

/**
 * Parses `wg show NAME dump`: tab-separated, first the device (private key, public key, port, mark), then a
 * line per peer (public key, preshared key, endpoint, allowed ips, handshake in seconds, rx, tx, keepalive).
 * Throws a `Failure` for an invalid value.
 */
export const deviceStateOfDump = (dump: string): DeviceState => {
  const [device, ...peers] = dump.split('\n').filter((line) => line !== '');
  const [, publicKey, listenPort, fwmark = 'off'] = (device ?? '').split('\t');
  return {
    publicKey: publicKey === '(none)' ? undefined : keyTextRead(publicKey),
    listenPort: numberRead(listenPort, 'the port'),
    ...(fwmark === 'off' ? {} : { fwmark: markRead(fwmark) }),
    peers: new Map(peers.map(peerOf).map((peer) => [peer.publicKey, peer])),
  };
};

const peerOf = (line: string): PeerState => {
  const [publicKey, , endpoint, allowedIps = '', handshake, rx, tx, keepalive] = line.split('\t');
  return {
    publicKey: keyTextRead(publicKey),
    endpoint: SocketAddress.safeParse(endpoint).data,
    allowedIps: allowedIps === '(none)' ? [] : allowedIps.split(',').map(blockRead),
    latestHandshake: handshake === '0' ? undefined : numberRead(handshake, 'a handshake') * 1000,
    rxBytes: numberRead(rx, 'rx'),
    txBytes: numberRead(tx, 'tx'),
    keepalive: keepalive === 'off' ? 0 : numberRead(keepalive, 'a keepalive'),
  };
};
