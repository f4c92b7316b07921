// What is said to `wg`, compared with what a person would type, and how its dump is read.
import { describe, expect, it } from 'vitest';
import { SocketAddress } from '../../src/values/endpoint.ts';
import { Cidr } from '../../src/values/ip.ts';
import { keyText, PrivateKey, PublicKey } from '../../src/values/key.ts';
import { InterfaceName } from '../../src/values/name.ts';
import type { Step } from '../../src/wireguard/device.ts';
import { deviceStateOfDump, setCalls } from '../../src/wireguard/wg.ts';

const acme = InterfaceName.parse('acme');
const ann = PublicKey.parse(keyText(new Uint8Array(32).fill(1)));
const ryo = PublicKey.parse(keyText(new Uint8Array(32).fill(2)));
const secret = PrivateKey.fromRandom(new Uint8Array(32).fill(0x48));

const typed = (...steps: Step[]) => setCalls(acme, steps).map(({ args }) => ['wg', ...args].join(' '));

describe('wg set', () => {
  it('is what a person would type', () => {
    const endpoint = SocketAddress.parse('[2001:db8::1]:51820');
    const allowedIps = [Cidr.parse('10.42.1.2/32'), Cidr.parse('fd00::2/128')];
    expect(typed({ kind: 'set', publicKey: ryo, allowedIps, endpoint, keepalive: 25 })).toEqual([
      `wg set acme peer ${ryo} endpoint [2001:db8::1]:51820 persistent-keepalive 25 allowed-ips 10.42.1.2/32,fd00::2/128`,
    ]);
    expect(typed({ kind: 'remove', publicKey: ann }, { kind: 'set', publicKey: ryo, keepalive: 0 })).toEqual([
      `wg set acme peer ${ann} remove peer ${ryo} persistent-keepalive 0`,
    ]);
    expect(typed({ kind: 'recreate', publicKey: ann, allowedIps: [], keepalive: 25 })).toEqual([
      `wg set acme peer ${ann} remove peer ${ann} persistent-keepalive 25 allowed-ips `,
    ]);
  });

  it('gives a peer a block with its whole list: older versions of wg cannot add', () => {
    const added = [Cidr.parse('192.168.50.0/24')];
    const allowedIps = [Cidr.parse('10.42.1.2/32'), ...added];
    expect(typed({ kind: 'allow', publicKey: ryo, allowedIps, added })).toEqual([
      `wg set acme peer ${ryo} allowed-ips 10.42.1.2/32,192.168.50.0/24`,
    ]);
    expect(typed({ kind: 'fwmark', fwmark: 26990 })).toEqual(['wg set acme fwmark 26990']);
  });

  it('names the device first and never a secret', () => {
    const calls = setCalls(acme, [
      { kind: 'remove', publicKey: ann },
      { kind: 'listenPort', listenPort: 51820 },
      { kind: 'privateKey', privateKey: secret },
    ]);
    expect(calls).toEqual([
      {
        args: [
          ...['set', 'acme', 'listen-port', '51820', 'private-key', '/dev/stdin'],
          ...['peer', ann, 'remove'],
        ],
        privateKey: secret,
      },
    ]);
  });

  it('is said in several calls where one would be too long, in the same order', () => {
    const steps = Array.from(
      { length: 2001 },
      (_, i): Step => ({ kind: 'set', publicKey: ann, keepalive: i }),
    );
    const calls = setCalls(acme, steps);
    expect(calls.length).toBe(3);
    expect(calls[0]!.args.slice(0, 6)).toEqual(['set', 'acme', 'peer', ann, 'persistent-keepalive', '0']);
    expect(calls[2]!.args).toEqual(['set', 'acme', 'peer', ann, 'persistent-keepalive', '2000']);
    expect(setCalls(acme, [])).toEqual([]);
  });
});

describe('wg show dump', () => {
  it('is read into a state; further columns are passed over', () => {
    const dump = [
      ['SECRET', ann, '51820', 'off'],
      [ryo, '(none)', '203.0.113.9:51820', '10.42.1.2/32,fd00::2/128', '1800000000', '34', '12', '25', 'new'],
      [ann, '(none)', '(none)', '(none)', '0', '0', '0', 'off'],
    ];
    const state = deviceStateOfDump(`${dump.map((columns) => columns.join('\t')).join('\n')}\n`);
    expect(state).toEqual({
      publicKey: ann,
      listenPort: 51820,
      peers: new Map([
        [
          ryo,
          {
            publicKey: ryo,
            endpoint: '203.0.113.9:51820',
            allowedIps: ['10.42.1.2/32', 'fd00::2/128'],
            latestHandshake: 1_800_000_000_000,
            rxBytes: 34,
            txBytes: 12,
            keepalive: 25,
          },
        ],
        [
          ann,
          {
            publicKey: ann,
            endpoint: undefined,
            allowedIps: [],
            latestHandshake: undefined,
            rxBytes: 0,
            txBytes: 0,
            keepalive: 0,
          },
        ],
      ]),
    });
    expect(deviceStateOfDump('(none)\t(none)\t0\toff\n').publicKey).toBeUndefined();
    expect(deviceStateOfDump('(none)\t(none)\t0\t0x696e\n').fwmark).toBe(0x696e);
  });
});
