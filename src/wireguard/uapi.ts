/** WireGuard's userspace API as text. Source: https://www.wireguard.com/xplatform/ */
import { SocketAddress } from '../values/endpoint.ts';
import { keyHex, type PublicKey } from '../values/key.ts';
import type { DeviceState, PeerConfig, PeerState, Step } from './device.ts';
import { publicKeyOfBytes } from './public-key.ts';
import { blockRead, bytesRead, keyRead, numberRead } from './reading.ts';

export const GET = 'get=1\n\n';

/** One operation for all steps. Holds a private key if a step does. */
export const setOperation = (steps: readonly Step[]): string =>
  ['set=1', ...inProtocolOrder(steps).flatMap(linesOf), '', ''].join('\n');

const IS_OF_DEVICE: { [K in Step['kind']]: boolean } = {
  privateKey: true,
  listenPort: true,
  fwmark: true,
  set: false,
  allow: false,
  remove: false,
  recreate: false,
};

/** The protocol wants device settings before the first peer. */
const inProtocolOrder = (steps: readonly Step[]): Step[] => [
  ...steps.filter(({ kind }) => IS_OF_DEVICE[kind]),
  ...steps.filter(({ kind }) => !IS_OF_DEVICE[kind]),
];

const linesOf = (step: Step): string[] => {
  switch (step.kind) {
    case 'privateKey':
      return [`private_key=${keyHex(step.privateKey.reveal())}`];
    case 'listenPort':
      return [`listen_port=${step.listenPort}`];
    case 'fwmark':
      return [`fwmark=${step.fwmark}`];
    case 'remove':
      return [`public_key=${keyHex(step.publicKey)}`, 'remove=true'];
    case 'recreate':
      return [`public_key=${keyHex(step.publicKey)}`, 'remove=true', ...peerLines(step)];
    case 'allow':
      return [
        `public_key=${keyHex(step.publicKey)}`,
        'update_only=true',
        ...step.added.map((block) => `allowed_ip=${block}`),
      ];
    case 'set':
      return peerLines(step);
  }
};

const peerLines = ({
  publicKey,
  allowedIps,
  endpoint,
  keepalive,
}: Partial<PeerConfig> & { publicKey: PublicKey }): string[] => {
  const lines = [`public_key=${keyHex(publicKey)}`];
  if (endpoint !== undefined) lines.push(`endpoint=${endpoint}`);
  if (keepalive !== undefined) lines.push(`persistent_keepalive_interval=${keepalive}`);
  if (allowedIps) lines.push('replace_allowed_ips=true', ...allowedIps.map((block) => `allowed_ip=${block}`));
  return lines;
};

/** The answer's error: 0, or a Linux error number. */
export const errnoOf = (answer: string): number =>
  Number(/(?:^|\n)errno=(-?\d+)\n\n$/.exec(answer)?.[1] ?? 5);

/** Whether the answer is there to its end. */
export const isComplete = (answer: string): boolean => /(?:^|\n)errno=-?\d+\n\n$/.test(answer);

/** Parses the answer to `GET`, ignoring unknown keys. Throws a `Failure` for an invalid value. */
export const deviceStateOf = (answer: string): DeviceState => {
  const state: DeviceState = { publicKey: undefined, listenPort: 0, peers: new Map() };
  let peer: PeerState | undefined;
  for (const line of answer.split('\n')) {
    const [key, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    if (key === 'public_key') {
      peer = newPeer(value);
      state.peers.set(peer.publicKey, peer);
    } else if (peer) readPeerLine(peer, key, value);
    else if (key === 'private_key') state.publicKey = publicKeyOfPrivate(value);
    else if (key === 'listen_port') state.listenPort = numberRead(value, key);
    else if (key === 'fwmark') state.fwmark = numberRead(value, key);
  }
  return state;
};

/** All zeros mean no key. */
const publicKeyOfPrivate = (hex: string): PublicKey | undefined => {
  const bytes = bytesRead(hex, 'the private key');
  return bytes.every((byte) => byte === 0) ? undefined : publicKeyOfBytes(bytes);
};

const newPeer = (hex: string): PeerState => ({
  publicKey: keyRead(hex),
  allowedIps: [],
  endpoint: undefined,
  keepalive: 0,
  latestHandshake: undefined,
  rxBytes: 0,
  txBytes: 0,
});

const readPeerLine = (peer: PeerState, key: string, value: string): void => {
  if (key === 'allowed_ip') peer.allowedIps.push(blockRead(value));
  else if (key === 'endpoint') peer.endpoint = SocketAddress.safeParse(value).data;
  else if (key === 'persistent_keepalive_interval') peer.keepalive = numberRead(value, key);
  else if (key === 'rx_bytes') peer.rxBytes = numberRead(value, key);
  else if (key === 'tx_bytes') peer.txBytes = numberRead(value, key);
  else if (key === 'last_handshake_time_sec' && value !== '0')
    peer.latestHandshake = numberRead(value, key) * 1000;
  else if (key === 'last_handshake_time_nsec' && peer.latestHandshake !== undefined)
    peer.latestHandshake += Math.floor(numberRead(value, key) / 1e6);
};
