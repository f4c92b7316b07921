// R24: hostile answers of a WireGuard device, over its real socket and as `wg` prints them: nothing of them becomes a step.
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Failure } from '../../src/values/failure.ts';
import { Cidr, RecordedCidr } from '../../src/values/ip.ts';
import { keyHex, keyText, PublicKey } from '../../src/values/key.ts';
import { InterfaceName } from '../../src/values/name.ts';
import type { DeviceState } from '../../src/wireguard/device.ts';
import { plan } from '../../src/wireguard/plan.ts';
import { setOperation } from '../../src/wireguard/uapi.ts';
import { UserspaceDevice } from '../../src/wireguard/userspace.ts';
import { deviceStateOfDump, setCalls } from '../../src/wireguard/wg.ts';
import { keysOf } from '../acme.ts';
import { below, oneOf, spoiledBytes, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);
const name = InterfaceName.parse(`hostile${process.pid % 100_000}`);
const path = `/var/run/wireguard/${name}.sock`;

let answer: Buffer = Buffer.alloc(0);
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', () => {
    // In two pieces: where it breaks is up to chance.
    const at = below(dice, answer.length + 1);
    socket.write(answer.subarray(0, at));
    socket.end(answer.subarray(at));
  });
});

beforeAll(async () => {
  mkdirSync('/var/run/wireguard', { recursive: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(path, { force: true });
});

const key = (n: number): PublicKey => PublicKey.parse(keyText(new Uint8Array(32).fill(n)));
const peers = [1, 2, 3, 4].map((n) => ({ key: key(n), ip: `10.42.1.${n}/32` }));
const wants = {
  keys: keysOf('ann'),
  listenPort: 51_820,
  peers: peers.map((peer) => ({ publicKey: peer.key, allowedIps: [Cidr.parse(peer.ip)], keepalive: 25 })),
};

const uapiAnswer = [
  `private_key=${keyHex(wants.keys.privateKey.reveal())}`,
  'listen_port=51820',
  'fwmark=0',
  ...peers.flatMap((peer, n) => [
    `public_key=${keyHex(peer.key)}`,
    `preshared_key=${'0'.repeat(64)}`,
    'protocol_version=1',
    `endpoint=203.0.113.${n}:51820`,
    'last_handshake_time_sec=1800000000',
    'last_handshake_time_nsec=12345',
    'tx_bytes=12',
    'rx_bytes=34',
    'persistent_keepalive_interval=25',
    `allowed_ip=${peer.ip}`,
    `allowed_ip=fd00::${n}/128`,
  ]),
  'errno=0',
  '',
  '',
].join('\n');

const dump = [
  [wants.keys.privateKey.reveal(), wants.keys.publicKey, '51820', 'off'].join('\t'),
  ...peers.map((peer, n) =>
    [
      peer.key,
      '(none)',
      `203.0.113.${n}:51820`,
      `${peer.ip},fd00::${n}/128`,
      '1800000000',
      '12',
      '34',
      '25',
    ].join('\t'),
  ),
  '',
].join('\n');

/** Lines swapped, doubled, given the value of another, or spoiled byte by byte. */
const spoiledLines = (text: string): Buffer => {
  const lines = text.split('\n');
  for (let changes = below(dice, 3); changes > 0; changes -= 1) {
    const [at, other] = [below(dice, lines.length), below(dice, lines.length)];
    const [left, right] = [lines[at] ?? '', lines[other] ?? ''];
    switch (below(dice, 4)) {
      case 0:
        lines.splice(at, 0, right);
        break;
      case 1:
        lines[at] = `${left.slice(0, left.indexOf('=') + 1)}${right.slice(right.indexOf('=') + 1)}`;
        break;
      case 2:
        lines[at] =
          `${left.slice(0, left.indexOf('=') + 1)}${oneOf(dice, ['', '-1', 'NaN', '1e999', 'ff', '0x1', '\u001b[2J', '10.42.1.1/99', '::1%lo', '9'.repeat(400)])}`;
        break;
      default:
        lines.splice(at, 1);
    }
  }
  const bytes = Buffer.from(lines.join('\n'));
  if (dice() < 0.4) return bytes;
  // The end is left as it is more often than not: without it an answer is not even looked at.
  if (dice() < 0.2) return spoiledBytes(dice, bytes);
  return Buffer.concat([spoiledBytes(dice, bytes.subarray(0, -10)), bytes.subarray(-10)]);
};

/** What the program would do about such a device: steps that name whole keys and blocks, and nothing else. */
const expectSoundSteps = (state: DeviceState, what: string): void => {
  expect(Number.isInteger(state.listenPort), what).toBe(true);
  const { steps } = plan(state, wants, { now: Date.now(), network: Cidr.parse('10.42.0.0/16') });
  const operation = setOperation(steps);
  for (const line of operation.split('\n'))
    expect(line, what).toMatch(
      /^$|^set=1$|^(public|private)_key=[0-9a-f]{64}$|^(listen_port|persistent_keepalive_interval)=\d+$|^(remove|replace_allowed_ips)=true$|^allowed_ip=[0-9a-f.:]+\/\d+$/,
    );
  for (const { args } of setCalls(name, steps))
    for (const word of args) expect(word, what).toMatch(/^[\w+/=.:,-]+$/);
  for (const { allowedIps, keepalive, rxBytes, txBytes, latestHandshake } of state.peers.values()) {
    for (const block of allowedIps) expect(RecordedCidr.safeParse(block).success, what).toBe(true);
    for (const number of [keepalive, rxBytes, txBytes, latestHandshake ?? 0])
      expect(Number.isFinite(number), what).toBe(true);
  }
};

it('R24: hostile answers are refused, or lead to sound steps', { timeout: 7_200_000 }, async () => {
  const device = new UserspaceDevice(name);
  answer = Buffer.from(uapiAnswer);
  expectSoundSteps(await device.read(), 'the good answer');
  expectSoundSteps(deviceStateOfDump(dump), 'the good dump');
  const tried = new Tally();
  const wanted = roundsOr(400);
  while (tried.of('refused') + tried.of('understood') < wanted) {
    const isUapi = dice() < 0.75;
    const bytes = spoiledLines(isUapi ? uapiAnswer : dump);
    const what = JSON.stringify(bytes.toString('latin1'));
    tried.add(isUapi ? 'answers of a device' : 'dumps of wg');
    try {
      answer = bytes;
      expectSoundSteps(isUapi ? await device.read() : deviceStateOfDump(bytes.toString()), what);
      tried.add('understood');
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      expect(error.message.split('\n').length, what).toBe(1);
      expect(error.message, what).not.toContain(keyHex(wants.keys.privateKey.reveal()));
      tried.add('refused');
    }
  }
  sayTried('R24 in answers of devices', tried.counts);
});
