// R16: hostile requests without end: bodies that are nearly right, spoiled bytes, paths, headers, two requests in one.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { COMMANDS_PATH } from '../../src/protocol/http.ts';
import { keyOf } from '../acme.ts';
import { ServedNetwork } from '../server/served-network.ts';
import { below, NASTY_TEXTS, oneOf, spoiledBytes, spoiledJson, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);

/** More calls a second than one peer may make: they come from many admins. */
const ADMINS = 120;

let served: ServedNetwork;
const admins: Peer[] = [];
let turn = 0;
const nextAdmin = (): Peer => admins[turn++ % admins.length] as Peer;

beforeAll(async () => {
  served = await ServedNetwork.start();
  for (let number = 0; number < ADMINS; number += 1)
    admins.push(await served.peer(`admin${number}`, { admin: true }));
}, 120_000);
afterAll(() => served.close());

type Request = { method: string; path: string; body: object };

/** Requests that would be right, if the names and keys in them were free. */
const requests = (): Request[] => {
  const name = `ivy-${turn}`;
  const peer = {
    ...{ name, ip: '127.42.2.9', cidr_id: 4, public_key: keyOf('ivy'), endpoint: null },
    ...{ persistent_keepalive_interval: 25, is_admin: false, is_disabled: false, is_redeemed: false },
    ...{ invite_expires: { secs_since_epoch: 9_999_999_999, nanos_since_epoch: 0 }, candidates: [] },
  };
  const command = (asked: object): Request => ({
    method: 'POST',
    path: COMMANDS_PATH,
    body: { id: `command-${turn}`, command: asked },
  });
  return [
    { method: 'POST', path: '/v1/user/redeem', body: { public_key: keyOf('ivy') } },
    { method: 'PUT', path: '/v1/user/endpoint', body: { option: 'Set', content: '1.2.3.4:51820' } },
    { method: 'PUT', path: '/v1/user/candidates', body: ['192.168.1.1:51820', '[fd00::1]:51820'] },
    { method: 'POST', path: '/v1/admin/peers', body: peer },
    { method: 'PUT', path: '/v1/admin/peers/9', body: { ...peer, id: 9 } },
    { method: 'POST', path: '/v1/admin/cidrs', body: { name, cidr: '127.42.77.0/24', parent: 1 } },
    { method: 'PUT', path: '/v1/admin/cidrs/3', body: { id: 3, name, cidr: '127.42.1.0/24', parent: 1 } },
    { method: 'POST', path: '/v1/admin/associations', body: { cidr_id_1: 3, cidr_id_2: 4 } },
    command({ type: 'RenamePeer', peer: 'admin7', name }),
    command({ type: 'AddCidr', name, cidr: '127.42.99.0/24', parent: 1 }),
    command({ type: 'SetEndpointOverride', peer: 7, endpoint: '1.2.3.4:51820' }),
    command({ type: 'AllOf', commands: [{ type: 'EnablePeer', peer: 8 }], at: 12 }),
    command({ type: 'AddAssociation', cidrs: ['humans', 4] }),
  ];
};

/** The bytes of a request whose body is spoiled, or all of which is. */
const hostileRequest = (): { kind: string; bytes: Buffer } => {
  const { method, path, body } = oneOf(dice, requests());
  const payload = (text: Buffer, to = path, ...headers: string[]) =>
    Buffer.concat([
      Buffer.from(
        served.head(
          `${method} ${to} HTTP/1.1`,
          `Content-Length: ${text.length}`,
          'Connection: close',
          ...headers,
        ),
      ),
      text,
    ]);
  const chance = dice();
  if (chance < 0.6) return { kind: 'bodies', bytes: payload(spoiledJson(dice, body as never)) };
  if (chance < 0.75) {
    const whole = payload(Buffer.from(JSON.stringify(body)));
    return { kind: 'spoiled requests', bytes: spoiledBytes(dice, whole) };
  }
  if (chance < 0.85) {
    const piece = encodeURIComponent(oneOf(dice, NASTY_TEXTS).replace(/[\ud800-\udfff]/g, 'x'));
    const to = oneOf(dice, [
      `/v1/admin/peers/${piece}`,
      `/v1/${piece}/state`,
      `/v1/user/history?limit=${piece}`,
      `/v1/user/why?from=${piece}&to=${piece}`,
      `/v1/user/snapshot?position=${piece}&hash=${piece}`,
      `/v1/user/digests?from=${piece}`,
      `${path}%00`,
      spoiledBytes(dice, Buffer.from(path))
        .toString('latin1')
        .replace(/[\r\n]/g, ''),
    ]);
    return { kind: 'paths', bytes: payload(Buffer.from('{}'), to) };
  }
  if (chance < 0.95) {
    const header = oneOf(dice, [
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding:\tchunked',
      'Content-Length: 0',
      'Content-Length: +5',
      `Content-Length: ${2 ** 53}`,
      'Expect: 100-continue',
      'Upgrade: h2c',
      'X-Forwarded-For: 127.42.0.1',
      `X: ${'x'.repeat(below(dice, 20_000))}`,
      `Cookie: ${'a=b; '.repeat(below(dice, 4_000))}`,
      'Content-Encoding: gzip',
      'Host: evil.example.org',
      'Origin: http://127.42.0.1',
      'X-HTTP-Method-Override: DELETE',
    ]);
    const smuggled = Buffer.from(served.head('DELETE /v1/admin/peers/5 HTTP/1.1', 'Content-Length: 0'));
    const first = payload(Buffer.from('"x"'), path, header);
    return { kind: 'headers', bytes: dice() < 0.5 ? first : Buffer.concat([first, smuggled]) };
  }
  const noise = Buffer.from(Array.from({ length: 1 + below(dice, 300) }, () => below(dice, 256)));
  return { kind: 'noise', bytes: noise };
};

const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 ([2-5]\d+)/gm)].map(([, status]) => Number(status));

it('R16: refused or understood, never a change by what was refused', { timeout: 7_200_000 }, async () => {
  const tried = new Tally();
  const wanted = roundsOr(400);
  let [position, state] = [served.live.head.position, JSON.stringify(served.network)];
  while (tried.of('refused') < wanted) {
    const { kind, bytes } = hostileRequest();
    const { ip } = nextAdmin();
    const statuses = statusesOf(await served.raw(ip, bytes, { end: true }));
    const what = `${JSON.stringify(bytes.toString('latin1'))}: ${statuses.join(' ')}`;
    expect(served.troubles, what).toEqual([]);
    for (const status of statuses) expect(status >= 200 && status < 500, what).toBe(true);
    tried.add(kind);
    if (statuses.some((status) => status === 429)) continue;
    if (statuses.some((status) => status < 400)) {
      tried.add('understood after all');
      [position, state] = [served.live.head.position, JSON.stringify(served.network)];
      // Who took its own right away may still have an answer to come.
      continue;
    }
    expect(served.live.head.position, what).toBe(position);
    if (tried.of('refused') % 50 === 0) expect(JSON.stringify(served.network), what).toBe(state);
    tried.add('refused');
  }
  expect(JSON.stringify(served.network)).toBe(state);
  expect((await served.call('/v1/user/capabilities', { from: nextAdmin().ip })).status).toBe(200);
  sayTried('R16 over HTTP', tried.counts);
});
