// Names, endpoints, durations, moments and hashes: which texts are taken, and what the others are told.
import { describe, expect, it } from 'vitest';
import {
  Endpoint,
  endpointOf,
  hostOf,
  isUnspecified,
  portOf,
  SocketAddress,
} from '../../src/values/endpoint.ts';
import { Failure } from '../../src/values/failure.ts';
import { Hash, NO_HASH, PeerId, Position } from '../../src/values/id.ts';
import { Hostname, InterfaceName, isHostname, RecordedName } from '../../src/values/name.ts';
import { Duration, INVITATION_SECONDS, Timestamp } from '../../src/values/time.ts';

describe('a name', () => {
  it.each(['a', '7', 'ann', 'ann-2', 'a-b-c', '10', 'x'.repeat(63)])('is %s', (text) => {
    expect(Hostname.parse(text)).toBe(text);
    expect(isHostname(text)).toBe(true);
  });

  it.each([
    '',
    'Ann',
    'ann_2',
    'ann.home',
    '-ann',
    'ann-',
    'ann--2',
    'änn',
    'ann ',
    'ann\n',
    'a\u0000b',
    'x'.repeat(64),
    'a'.repeat(100_000),
  ])('is not %j', (text) => {
    expect(Hostname.safeParse(text).success).toBe(false);
    expect(isHostname(text)).toBe(false);
  });

  it('says one thing at a time', () => {
    const issues = (text: string) => Hostname.safeParse(text).error?.issues.map(({ message }) => message);
    expect(issues('x'.repeat(64))).toEqual(['a name has at most 63 characters']);
    expect(issues('Ann')).toHaveLength(1);
  });

  it('of a network has at most 15 characters, as an interface has', () => {
    expect(InterfaceName.parse('x'.repeat(15))).toBe('x'.repeat(15));
    expect(InterfaceName.safeParse('x'.repeat(16)).error?.issues[0]?.message).toContain(
      'at most 15 characters',
    );
    expect(InterfaceName.safeParse('../etc').success).toBe(false);
  });

  it('from an import is any text of 1 to 255 characters', () => {
    expect(RecordedName.parse('Büro 2')).toBe('Büro 2');
    expect(RecordedName.safeParse('').success).toBe(false);
    expect(RecordedName.safeParse('x'.repeat(256)).success).toBe(false);
  });
});

describe('an endpoint', () => {
  it.each([
    ['vpn.example.org:51820', 'vpn.example.org', 51820],
    ['VPN.example.org.:1', 'VPN.example.org.', 1],
    ['_wg._udp.example:65535', '_wg._udp.example', 65535],
    ['1.2.3.4:51820', '1.2.3.4', 51820],
    ['[2001:db8::1]:51820', '2001:db8::1', 51820],
    ['0.0.0.0:51820', '0.0.0.0', 51820],
  ])('%s has a host and a port', (text, host, port) => {
    const endpoint = Endpoint.parse(text);
    expect(endpoint).toBe(text);
    expect([hostOf(endpoint), portOf(endpoint)]).toEqual([host, port]);
    expect(endpointOf(host, port)).toBe(text);
  });

  it.each([
    ['[2001:DB8:0::1]:51820', '[2001:db8::1]:51820'],
    ['1.2.3.4:00080', '1.2.3.4:80'],
  ])('%s is spelled %s', (text, canonical) => expect(Endpoint.parse(text)).toBe(canonical));

  it.each([
    '',
    'vpn.example.org',
    'vpn.example.org:',
    'vpn.example.org:0',
    'vpn.example.org:65536',
    'vpn.example.org:-1',
    'vpn.example.org:wg',
    'vpn.example.org:51820 ',
    ':51820',
    '2001:db8::1:51820',
    '[2001:db8::1]',
    '[1.2.3.4]:51820',
    '[fe80::1%eth0]:51820',
    '010.1.1.1:51820',
    '127.1:51820',
    '2130706433:51820',
    '0x7f000001:51820',
    '0x7f.1:51820',
    'host.0x1:51820',
    '1.2.3.4.:51820',
    '1.2.3.256:51820',
    'a..b:51820',
    '-a.example:51820',
    'a b:51820',
    'a\u0000b:51820',
    `${'a'.repeat(64)}.example:51820`,
    `${'a.'.repeat(127)}example:51820`,
  ])('%j is none', (text) => expect(Endpoint.safeParse(text).success).toBe(false));

  it('as a socket address needs an IP address', () => {
    expect(SocketAddress.parse('192.168.1.9:51820')).toBe('192.168.1.9:51820');
    expect(SocketAddress.parse('[fd00::1]:51820')).toBe('[fd00::1]:51820');
    expect(SocketAddress.safeParse('vpn.example.org:51820').error?.issues).toHaveLength(1);
    expect(SocketAddress.safeParse('nonsense').error?.issues).toHaveLength(1);
  });

  it('may say "my address as you see it" with zeros', () => {
    expect(isUnspecified(Endpoint.parse('0.0.0.0:51820'))).toBe(true);
    expect(isUnspecified(Endpoint.parse('[0::0]:51820'))).toBe(true);
    expect(isUnspecified(Endpoint.parse('10.0.0.0:51820'))).toBe(false);
  });
});

describe('a duration', () => {
  it.each([
    ['30s', 30],
    ['5m', 300],
    ['2h', 7200],
    ['14d', INVITATION_SECONDS],
    ['1w', 604_800],
    ['1h30m', 5400],
    ['0s', 0],
    ['5200w', 5200 * 604_800],
  ])('%s is %i seconds', (text, seconds) => expect(Duration.parse(text)).toBe(seconds));

  it.each(['', '14', 'd', '14 d', '14D', '-1d', '1.5h', '1h30', '5201w', '999999999w', '1y'])(
    '%j is none',
    (text) => expect(Duration.safeParse(text).success).toBe(false),
  );
});

describe('a moment', () => {
  it.each(['2026-11-22T13:09:00.000Z', '2028-02-29T23:59:59.999Z', '0001-01-01T00:00:00.000Z'])(
    'is %s',
    (text) => expect(Timestamp.parse(text)).toBe(text),
  );

  it.each([
    '',
    '2026-11-22',
    '2026-11-22T13:09:00Z',
    '2026-11-22T13:09:00.000+01:00',
    '2026-11-22 13:09:00.000Z',
    '2026-13-22T13:09:00.000Z',
    '2026-02-29T13:09:00.000Z',
    '2026-11-22T24:00:00.000Z',
    '2026-11-22T13:09:60.000Z',
    '+002026-11-22T13:09:00.000Z',
  ])('is not %j, and says so once', (text) =>
    expect(Timestamp.safeParse(text).error?.issues).toHaveLength(1),
  );
});

describe('numbers', () => {
  it.each([1, 42, Number.MAX_SAFE_INTEGER])('%i is an id', (id) => expect(PeerId.parse(id)).toBe(id));
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', null])('%j is no id', (id) =>
    expect(PeerId.safeParse(id).success).toBe(false),
  );
  it('a position may be 0, the place before the first', () => {
    expect(Position.parse(0)).toBe(0);
    expect(Position.safeParse(-1).success).toBe(false);
  });
});

describe('a hash', () => {
  it('is 64 lower-case hexadecimal digits', () => expect(Hash.parse(NO_HASH)).toBe(NO_HASH));
  it.each(['', 'A'.repeat(64), 'g'.repeat(64), '0'.repeat(63), `${NO_HASH}\n`])('is not %j', (text) =>
    expect(Hash.safeParse(text).success).toBe(false),
  );
});

it('a failure carries a hint and its cause', () => {
  const cause = new Error('EACCES');
  const failure = new Failure('cannot read the config', { hint: 'run it as root', cause });
  expect([failure.message, failure.hint, failure.cause]).toEqual([
    'cannot read the config',
    'run it as root',
    cause,
  ]);
  expect('cause' in new Failure('no')).toBe(false);
});
