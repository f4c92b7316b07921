// Invitations and confs: what is written is read back, innernet 2.0's are read, and what is wrong is named.
import { describe, expect, it } from 'vitest';
import { type Conf, formatConf, formatInvitation, parseConf } from '../../src/protocol/conf.ts';
import { Endpoint, SocketAddress } from '../../src/values/endpoint.ts';
import { Hash } from '../../src/values/id.ts';
import { Ip, RecordedCidr } from '../../src/values/ip.ts';
import { PrivateKey, PublicKey } from '../../src/values/key.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { Timestamp } from '../../src/values/time.ts';

const SECRET = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
const KEY = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';

/** As the Rust program writes it: quotes, order and all. */
const FROM_INNERNET = `# This is an invitation file to an innernet network.

[interface]
network-name = "kermpany"
address = "10.42.128.1/16"
private-key = "${SECRET}"
listen-port = 51821

[server]
public-key = "${KEY}"
external-endpoint = "vpn.example.org:51820"
internal-endpoint = "10.42.0.1:51820"
`;

const conf: Conf = {
  networkName: InterfaceName.parse('acme'),
  address: RecordedCidr.parse('fd00:1::2/64'),
  privateKey: PrivateKey.parse(SECRET),
  listenPort: undefined,
  server: {
    publicKey: PublicKey.parse(KEY),
    externalEndpoint: Endpoint.parse('[2001:db8::1]:51820'),
    internalEndpoint: SocketAddress.parse('[fd00:1::1]:51820'),
    networkId: Hash.parse('1'.repeat(64)),
    position: 7,
    hash: Hash.parse('2'.repeat(64)),
    expires: Timestamp.parse('2026-12-06T13:09:00.000Z'),
  },
  peerEndpointOverrides: new Map([[Ip.parse('fd00:1::9'), Endpoint.parse('192.168.1.9:51820')]]),
};

describe('reading', () => {
  it('takes what innernet 2.0 writes', () => {
    const { networkName, address, privateKey, listenPort, server } = parseConf(FROM_INNERNET, 'conf');
    expect([networkName, address, listenPort]).toEqual(['kermpany', '10.42.128.1/16', 51821]);
    expect(privateKey.reveal()).toBe(SECRET);
    expect(server).toMatchObject({ publicKey: KEY, internalEndpoint: '10.42.0.1:51820' });
  });

  it('takes what it has written, keys and all', () => {
    const back = parseConf(formatConf(conf), 'conf');
    expect(back).toEqual({ ...conf, privateKey: expect.any(PrivateKey) });
    expect(back.privateKey.reveal()).toBe(SECRET);
  });

  it('takes the word that the machine may relay, and its end', () => {
    const text = formatConf({ ...conf, relayPort: 4000 });
    expect(text).toContain('relay-port = 4000\n');
    expect(parseConf(text, 'conf').relayPort).toBe(4000);
    expect(formatConf({ ...parseConf(text, 'conf'), relayPort: undefined })).not.toContain('relay-port');
  });

  it('overlooks keys that a later version may add', () => {
    const text = FROM_INNERNET.replace('[server]', 'mtu = 1400\n[server]\nrelay = "r"');
    expect(parseConf(text, 'conf').networkName).toBe('kermpany');
  });
});

describe('refuses, naming document, key and rule, and never the secret', () => {
  const refused = (what: string, from: string | RegExp, to: string, expected: string) =>
    it(what, () => {
      const text = FROM_INNERNET.replace(from, to);
      expect(text).not.toBe(FROM_INNERNET);
      let message = '';
      try {
        parseConf(text, 'ann.toml');
      } catch (error) {
        message = (error as Error).message;
        expect(JSON.stringify(error)).not.toContain(SECRET.slice(0, 12));
      }
      expect(message).toBe(`ann.toml: ${expected}`);
    });

  refused('a truncated file', /8Dg="\n[\s\S]*$/, '8Dg=', 'line 10, column 14 is not TOML: unfinished string');
  refused(
    'a broken line with the key',
    `"${SECRET}"`,
    SECRET,
    'line 6, column 15 is not TOML: invalid value',
  );
  refused('no table', '[server]', '[sever]', '[server] is missing');
  refused('no key', 'public-key', 'publik-key', '[server] public-key is missing');
  refused(
    'another kind of value',
    '"kermpany"',
    '5',
    '[interface] network-name: this must be a text in quotes',
  );
  refused(
    'a bad private key',
    SECRET,
    SECRET.slice(1),
    '[interface] private-key: a private key is 32 bytes in base64',
  );
  refused(
    'a key behind an address, where a line has lost its end',
    '10.42.128.1/16',
    `10.42.128.1/16${SECRET}`,
    '[interface] address: "10.42.128.…" is not a CIDR block such as 10.61.0.0/16',
  );
  refused(
    'a long name',
    'kermpany',
    'kermpany-and-sons',
    '[interface] network-name: a network name has at most 15 characters, because it names the interface',
  );
  refused('a bad port', '51821', '0', '[interface] listen-port: a port is 1 to 65535');
  refused(
    'a range of everything',
    '/16',
    '/0',
    '[interface] address: 10.42.128.1/0 covers every address there is',
  );
  refused(
    'a server outside the network',
    '10.42.0.1:',
    '192.0.2.1:',
    "[server] internal-endpoint: 192.0.2.1 is not in the network's range, which [interface] address 10.42.128.1/16 gives",
  );
  refused(
    'a server at our own address',
    '10.42.0.1:',
    '10.42.128.1:',
    "[server] internal-endpoint: 10.42.128.1 is this peer's own address",
  );
  refused(
    'an endpoint that is none',
    'vpn.example.org',
    '0.0.0.0',
    '[server] external-endpoint: 0.0.0.0:51820 is no place to reach a server at',
  );
  refused(
    'an override of no address',
    /$/,
    '\n[peer-endpoint-overrides]\n"bob" = "192.168.1.9:51820"\n',
    '[peer-endpoint-overrides] "bob" is not an IP address',
  );
  refused(
    'a prototype',
    '[server]',
    '[__proto__]\nx = 1\n[server]',
    'line 9, column 2 is not TOML: document contains an unsafe property',
  );
  refused('an endless file', /$/, `# ${'x'.repeat(70_000)}`, 'this is too long to be a configuration');
});

it('an invitation says what to do with it, and is a conf', () => {
  const text = formatInvitation(conf, 'ann', 'ann.toml');
  expect(text).toContain('# An invitation to the network "acme" for the peer "ann" (fd00:1::2).\n');
  expect(text).toContain('# It works once, until 2026-12-06T13:09:00.000Z.\n');
  expect(text).toContain('#   innernet install ann.toml\n');
  expect(parseConf(text, 'ann.toml').server).toEqual(conf.server);
});

it('a hostile name stays within its comment', () => {
  const text = formatInvitation(conf, 'ann\n[server]\n', '-rf\nx.toml');
  expect(text.split('\n').filter((line) => line === '[server]')).toHaveLength(1);
});
