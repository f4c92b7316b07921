// Bad input: whatever arrives, the answer is a 4xx, nothing changes, and nobody else notices.
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { COMMANDS_PATH, STREAM_PATH } from '../../src/protocol/http.ts';
import { isHostname } from '../../src/values/name.ts';
import { keyOf } from '../acme.ts';
import { ServedNetwork } from './served-network.ts';

// Properties make many calls, and other tests may run at the same time.
vi.setConfig({ testTimeout: 60_000 });

/** More calls a second than one peer may make: they come from many admins. */
const ADMINS = 40;

let served: ServedNetwork;
const admins: Peer[] = [];
let turn = 0;
const nextAdmin = (): Peer => admins[turn++ % ADMINS]!;

beforeAll(async () => {
  served = await ServedNetwork.start();
  for (let number = 0; number < ADMINS; number++)
    admins.push(await served.peer(`admin${number}`, { admin: true }));
}, 60_000);
afterAll(() => served.close());

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

/** The status for bytes sent as a body. */
const post = (path: string, body: string | Buffer, method = 'POST', headers = {}): Promise<number> =>
  served.call(path, { from: nextAdmin().ip, method, raw: body, headers }).then(({ status }) => status);

const unchanged = async (trial: () => Promise<void>): Promise<void> => {
  const before = JSON.stringify(served.network);
  await trial();
  expect(JSON.stringify(served.network)).toBe(before);
  expect(served.troubles).toEqual([]);
  expect((await served.call('/v1/user/capabilities', { from: nextAdmin().ip })).status).toBe(200);
};

const WRITES: [string, string][] = [
  ['POST', '/v1/user/redeem'],
  ['PUT', '/v1/user/endpoint'],
  ['PUT', '/v1/user/candidates'],
  ['POST', '/v1/admin/peers'],
  ['PUT', '/v1/admin/peers/2'],
  ['POST', '/v1/admin/cidrs'],
  ['PUT', '/v1/admin/cidrs/3'],
  ['POST', '/v1/admin/associations'],
  ['POST', COMMANDS_PATH],
];

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe.each(WRITES)('%s %s', (method, path) => {
  it.each([
    ['an empty body', ''],
    ['no JSON', '{'],
    ['a list', '[1]'],
    ['a number', '1'],
    ['null', 'null'],
    ['deep lists', deep(9)],
    ['very deep lists', deep(8_000)],
    ['very deep objects', '{"a":'.repeat(2_000)],
    ['a prototype', '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}'],
    ['a NUL', '{"name":"\\u0000"}'],
    ['half a character', '{"name":"\\ud800","public_key":"\\udfff"}'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['a byte order mark', '\ufeff{}'],
    ['a huge number', '{"cidr_id":9007199254740993,"cidr_id_1":1e400,"cidr_id_2":-1}'],
  ])('refuses %s', (_, body) =>
    unchanged(async () => {
      const status = await post(path, body, method);
      expect([400, 413]).toContain(status);
    }),
  );

  it('reads 16 KiB and not a byte more', () =>
    unchanged(async () => {
      const sized = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
      expect(await post(path, sized(16 * 1024 - 1), method)).toBe(400);
      expect(await post(path, sized(16 * 1024), method)).toBe(400);
      expect(await post(path, sized(16 * 1024 + 1), method)).toBe(413);
    }));

  it('refuses whatever JSON there is', () =>
    unchanged(() =>
      fc.assert(
        fc.asyncProperty(fc.json({ maxDepth: 4 }), async (body) => {
          const status = await post(path, body, method);
          // An empty list of candidates is a list of candidates.
          expect(status === 204 ? body.trim() : status).toSatisfy(
            (it: unknown) => it === '[]' || (typeof it === 'number' && it >= 400 && it < 500),
          );
        }),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 15) },
      ),
    ));
});

describe('bodies that are right but for one field', () => {
  const peer = {
    name: 'ivy',
    ip: '127.42.1.200',
    cidr_id: 3,
    public_key: keyOf('ivy'),
    is_admin: false,
    is_disabled: false,
    is_redeemed: false,
    candidates: [],
  };

  it('are refused', () =>
    unchanged(() =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom('name', 'ip', 'cidr_id', 'public_key', 'is_admin', 'candidates'),
          fc.oneof(
            fc.constantFrom(
              null,
              0,
              -1,
              2 ** 53,
              '',
              '../x',
              'Ａ',
              'a b',
              '10.0.0.1/8',
              '::%1',
              {},
              [{}],
              ['x'],
            ),
            // One letter may be a good name.
            fc.string({ unit: 'binary' }).filter((text) => !isHostname(text)),
            fc.double(),
          ),
          async (field, value) => {
            const status = await post('/v1/admin/peers', JSON.stringify({ ...peer, [field]: value }));
            expect(status).toSatisfy((it: number) => it >= 400 && it < 500);
          },
        ),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 60) },
      ),
    ));
});

describe('the frame of a request', () => {
  it.each([
    '\t',
    'text/html',
    'application/json;charset=utf-16',
    ';;;',
    'multipart/form-data',
    '\u00ff',
    'x'.repeat(5_000),
  ])('does not care about the Content-Type %j', async (type) => {
    const headers = { 'content-type': type };
    const status = await post('/v1/user/candidates', '["192.168.1.1:1"]', 'PUT', headers);
    expect(status).toBe(204);
  });

  it('takes the last of two equal fields, as JSON has it', async () => {
    expect(await post('/v1/user/endpoint', '{"option":"Set","option":"Unset"}', 'PUT')).toBe(204);
  });

  it('answers a request that is whole, whatever comes after it', async () => {
    const body = '{"option":"Set","content":"1.2.3.4:51820"}';
    const head = served.head('PUT /v1/user/endpoint HTTP/1.1', `Content-Length: ${body.length}`);
    for (const rest of ['"}', '}\r\n\r\n', `\0${head}`]) {
      const { ip, id } = nextAdmin();
      const answer = await served.raw(ip, head + body + rest, { end: true });
      expect([...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)).toEqual(['204']);
      expect(served.network.peer(id)?.endpoint).toBe('1.2.3.4:51820');
    }
  });

  it('reads chunked bodies, up to the same limit', () =>
    unchanged(async () => {
      const head = served.head(
        'PUT /v1/user/candidates HTTP/1.1',
        'Transfer-Encoding: chunked',
        'Connection: close',
      );
      expect(statusOf(await served.raw(nextAdmin().ip, `${head}2\r\n[]\r\n0\r\n\r\n`))).toBe(204);
      const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
      expect(statusOf(await served.raw(nextAdmin().ip, head + chunk.repeat(5)))).toBe(413);
    }));

  it('hangs up on a body without end', () =>
    unchanged(async () => {
      const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: nextAdmin().ip });
      let heard = '';
      socket.on('data', (data) => {
        heard += data;
      });
      socket.on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(served.head('POST /v1/admin/cidrs HTTP/1.1', 'Transfer-Encoding: chunked'));
      const pour = setInterval(() => socket.write(`1000\r\n${'x'.repeat(0x1000)}\r\n`), 1);
      await closed;
      clearInterval(pour);
      expect(statusOf(heard)).toBe(413);
    }));

  it.each([
    ['two lengths', ['Content-Length: 2', 'Content-Length: 3']],
    ['a length and chunks', ['Content-Length: 2', 'Transfer-Encoding: chunked']],
    ['a negative length', ['Content-Length: -1']],
    ['a length that is no number', ['Content-Length: two']],
    ['a header without a name', [': x']],
    ['a folded header', ['X: a', ' b']],
  ])('refuses %s', (_, headers) =>
    unchanged(async () => {
      const answer = await served.raw(
        nextAdmin().ip,
        `${served.head('POST /v1/admin/cidrs HTTP/1.1', ...headers)}{}`,
        { end: true },
      );
      expect(statusOf(answer)).toBe(400);
    }),
  );

  it('refuses headers beyond 16 KiB', () =>
    unchanged(async () => {
      const answer = await served.raw(
        nextAdmin().ip,
        served.head('GET /v1/user/state HTTP/1.1', `X: ${'x'.repeat(17 * 1024)}`),
        { end: true },
      );
      expect(statusOf(answer)).toBe(431);
    }));

  it.each([
    '/v1/user/%',
    '/v1/user/%ff',
    '/v1/%2e%2e/%2e%2e',
    '/v1//',
    `/v1/${'a/'.repeat(500)}`,
    '/v1/admin/peers/%00',
  ])('knows no path %s', (path) =>
    unchanged(async () => {
      const answer = await served.raw(
        nextAdmin().ip,
        served.head(`GET ${path} HTTP/1.1`, 'Connection: close'),
      );
      expect([400, 404, 414]).toContain(statusOf(answer));
    }),
  );

  it('survives random bytes', () =>
    unchanged(() =>
      fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
          const answer = await served.raw(nextAdmin().ip, Buffer.from(bytes), { end: true });
          expect(answer === '' || (statusOf(answer) >= 400 && statusOf(answer) < 500)).toBe(true);
        }),
        { numRuns: Number(process.env.FUZZ_RUNS ?? 40) },
      ),
    ));
});

describe('the upgrade to a stream', () => {
  const upgrade = (...more: string[]): string[] => [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...more,
  ];
  const subprotocol = 'Sec-WebSocket-Protocol: innernet.v1';

  const attempt = (from: string, path: string, headers: string[]): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: from });
      socket.on('error', () => {});
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once('close', () => resolve(''));
      socket.write(served.head(`GET ${path} HTTP/1.1`, ...headers));
    });

  it('is for peers that have joined', async () => {
    const ivy = await served.peer('ivy', { invited: true });
    expect(statusOf(await attempt(nextAdmin().ip, STREAM_PATH, upgrade(subprotocol)))).toBe(101);
    expect(statusOf(await attempt(ivy.ip, STREAM_PATH, upgrade(subprotocol)))).toBe(401);
    expect(statusOf(await attempt('127.42.1.250', STREAM_PATH, upgrade(subprotocol)))).toBe(401);
    expect(
      statusOf(await attempt(nextAdmin().ip, STREAM_PATH, upgrade(subprotocol, 'Origin: http://x'))),
    ).toBe(401);
  });

  it('speaks innernet.v1 without compression', async () => {
    const offer = upgrade(subprotocol, 'Sec-WebSocket-Extensions: permessage-deflate');
    const answer = await attempt(nextAdmin().ip, STREAM_PATH, offer);
    expect(answer).toMatch(/sec-websocket-protocol: innernet\.v1\r\n/i);
    expect(answer).not.toMatch(/permessage-deflate/i);
    expect(statusOf(await attempt(nextAdmin().ip, STREAM_PATH, upgrade()))).toBe(400);
    expect(
      statusOf(await attempt(nextAdmin().ip, STREAM_PATH, upgrade('Sec-WebSocket-Protocol: chat'))),
    ).toBe(400);
  });

  it('happens nowhere else', async () => {
    expect(statusOf(await attempt(nextAdmin().ip, '/v1/user/state', upgrade(subprotocol)))).toBe(404);
    expect(statusOf(await attempt(nextAdmin().ip, '/', upgrade(subprotocol)))).toBe(404);
  });

  it.each([
    'position=-1&hash=x',
    'position=1e9',
    `sequence=NaN&boot=${'x'.repeat(500)}`,
    'position=1&position=2',
    '%',
    'state=all',
  ])('takes the query %s for nothing said', async (query) =>
    expect(statusOf(await attempt(nextAdmin().ip, `${STREAM_PATH}?${query}`, upgrade(subprotocol)))).toBe(
      101,
    ),
  );
});
