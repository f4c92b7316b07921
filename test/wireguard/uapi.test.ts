// The userspace API's text, compared with what its description says.
import { describe, expect, it } from 'vitest';
import { SocketAddress } from '../../src/values/endpoint.ts';
import { Cidr } from '../../src/values/ip.ts';
import { keyText, PrivateKey, PublicKey } from '../../src/values/key.ts';
import { keyPairFrom } from '../../src/values/key-pair.ts';
import { deviceStateOf, errnoOf, isComplete, setOperation } from '../../src/wireguard/uapi.ts';

const ann = PublicKey.parse(keyText(new Uint8Array(32).fill(1)));
const ryo = PublicKey.parse(keyText(new Uint8Array(32).fill(2)));
const [annHex, ryoHex] = ['01'.repeat(32), '02'.repeat(32)];
const secret = PrivateKey.fromRandom(new Uint8Array(32).fill(0x48));

describe('a set operation', () => {
  it('says what concerns the device first, then each peer in the order of the steps', () => {
    const text = setOperation([
      { kind: 'remove', publicKey: ann },
      {
        kind: 'set',
        publicKey: ryo,
        allowedIps: [Cidr.parse('10.42.1.2/32'), Cidr.parse('fd00::2/128')],
        endpoint: SocketAddress.parse('[2001:db8::1]:51820'),
        keepalive: 25,
      },
      { kind: 'privateKey', privateKey: secret },
      { kind: 'listenPort', listenPort: 51820 },
    ]);
    expect(text.split('\n')).toEqual([
      'set=1',
      `private_key=${'48'.repeat(32)}`,
      'listen_port=51820',
      `public_key=${annHex}`,
      'remove=true',
      `public_key=${ryoHex}`,
      'endpoint=[2001:db8::1]:51820',
      'persistent_keepalive_interval=25',
      'replace_allowed_ips=true',
      'allowed_ip=10.42.1.2/32',
      'allowed_ip=fd00::2/128',
      '',
      '',
    ]);
  });

  it('names nothing that a step leaves alone, and can take all addresses away', () => {
    expect(setOperation([{ kind: 'set', publicKey: ann, keepalive: 0 }])).toBe(
      `set=1\npublic_key=${annHex}\npersistent_keepalive_interval=0\n\n`,
    );
    expect(setOperation([{ kind: 'set', publicKey: ann, allowedIps: [] }])).toBe(
      `set=1\npublic_key=${annHex}\nreplace_allowed_ips=true\n\n`,
    );
  });

  it('adds a block to a peer that is there, and marks what the device sends', () => {
    const added = [Cidr.parse('192.168.50.0/24')];
    const allowedIps = [Cidr.parse('10.42.1.2/32'), ...added];
    expect(setOperation([{ kind: 'allow', publicKey: ann, allowedIps, added }])).toBe(
      `set=1\npublic_key=${annHex}\nupdate_only=true\nallowed_ip=192.168.50.0/24\n\n`,
    );
    expect(setOperation([{ kind: 'fwmark', fwmark: 0x696e }])).toBe('set=1\nfwmark=26990\n\n');
  });

  it('re-creates a peer within one operation', () => {
    const text = setOperation([{ kind: 'recreate', publicKey: ann, allowedIps: [], keepalive: 25 }]);
    expect(text).toBe(
      `set=1\npublic_key=${annHex}\nremove=true\npublic_key=${annHex}\n` +
        'persistent_keepalive_interval=25\nreplace_allowed_ips=true\n\n',
    );
  });
});

describe('an answer', () => {
  it('is read into a state; what is unknown is passed over', () => {
    const state = deviceStateOf(
      [
        `private_key=${'48'.repeat(32)}`,
        'listen_port=51820',
        'fwmark=7',
        'weather=fair',
        `public_key=${annHex}`,
        `preshared_key=${'00'.repeat(32)}`,
        'protocol_version=1',
        'endpoint=203.0.113.9:51820',
        'last_handshake_time_sec=1800000000',
        'last_handshake_time_nsec=123456789',
        'tx_bytes=12',
        'rx_bytes=34',
        'persistent_keepalive_interval=25',
        'allowed_ip=10.42.1.1/32',
        'allowed_ip=FD00:0::1/128',
        'moon=full',
        `public_key=${ryoHex}`,
        'endpoint=[fe80::1%eth0]:51820',
        'last_handshake_time_sec=0',
        'last_handshake_time_nsec=0',
        'errno=0',
        '',
        '',
      ].join('\n'),
    );
    expect(state.publicKey).toBe(keyPairFrom(new Uint8Array(32).fill(0x48)).publicKey);
    expect(state.listenPort).toBe(51820);
    expect([...state.peers.values()]).toEqual([
      {
        publicKey: ann,
        allowedIps: ['10.42.1.1/32', 'fd00::1/128'],
        endpoint: '203.0.113.9:51820',
        keepalive: 25,
        latestHandshake: 1_800_000_000_123,
        rxBytes: 34,
        txBytes: 12,
      },
      {
        publicKey: ryo,
        allowedIps: [],
        endpoint: undefined,
        keepalive: 0,
        latestHandshake: undefined,
        rxBytes: 0,
        txBytes: 0,
      },
    ]);
  });

  it('is complete with its error number, and not before', () => {
    expect(isComplete('errno=0\n\n')).toBe(true);
    expect(isComplete('listen_port=1\nerrno=0\n')).toBe(false);
    expect(isComplete('listen_port=1\n\n')).toBe(false);
    expect(errnoOf('errno=-98\n\n')).toBe(-98);
    expect(errnoOf('listen_port=1\nerrno=22\n\n')).toBe(22);
  });
});
