// The API as a client calls it: refusals as if the rule had run here, failures with a way out, limits, paging.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Api } from '../../src/client/api/api.ts';
import { Rejected } from '../../src/domain/rejection.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { Failure } from '../../src/values/failure.ts';
import { loopback } from './loopback.ts';
import { History, key, own, server as serverPeer } from './sight.ts';

let http: Server;
let api: Api;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  http = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  api = new Api(`127.0.0.1:${(http.address() as AddressInfo).port}` as SocketAddress, key(1), loopback);
});
afterEach(() => {
  api.close();
  http.closeAllConnections();
  http.close();
});

const says = (status: number, body: unknown) => {
  answer = (_, response) => response.writeHead(status).end(body === undefined ? '' : JSON.stringify(body));
};
const call = () => api.send({ method: 'POST', path: '/v1/admin/commands', body: { a: 1 } });

it('sends the header that every peer knows, and a body with its length', async () => {
  const seen: unknown[] = [];
  answer = ({ headers }, response) => {
    seen.push(headers['x-innernet-server-key'], headers['content-length'], headers.host === api.endpoint);
    response.end();
  };
  await call();
  expect(seen).toEqual([key(1), '7', true]);
});

describe('a no', () => {
  it('of a rule is that rejection', async () => {
    says(409, { code: 'PeerNameTaken', error: 'x', hint: 'y', facts: { name: 'bob', ip: '10.42.1.5' } });
    const error = await call().catch((it) => it);
    expect(error).toBeInstanceOf(Rejected);
    expect(error.message).toBe('the name "bob" is taken by the peer at 10.42.1.5');
  });

  it.each([
    [
      'of a rule that is not known here',
      409,
      { code: 'MoonIsFull', error: 'the moon is full', hint: 'wait' },
      'the moon is full',
    ],
    ['of a rule whose facts are missing', 409, { code: 'CidrFull', error: 'no room', hint: 'wait' }, 'no'],
    ['to who asks', 401, undefined, 'does not take this machine for a peer that may do this'],
    ['of an older server', 404, undefined, 'older one'],
    ['without words', 500, undefined, 'HTTP status 500'],
  ])('%s', async (_, status, body, sentence) => {
    says(status, body);
    await expect(call()).rejects.toThrow(sentence);
  });

  it('of nobody is a failure with a hint', async () => {
    const { port } = http.address() as AddressInfo;
    await new Promise((resolve) => http.close(resolve));
    const error = await call().catch((it) => it);
    expect(error).toBeInstanceOf(Failure);
    expect(error.message).toBe(`the server does not answer at 127.0.0.1:${port} inside the tunnel`);
    expect(error.hint).toContain('innernet show');
  });
});

it('takes no answer that is not what was asked for, and none without end', async () => {
  says(200, { b: 2 });
  await expect(api.ask(z.object({ a: z.number() }), { method: 'GET', path: '/x?y' })).rejects.toThrow(
    "the server's answer to /x cannot be understood",
  );
  answer = (_, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(Buffer.alloc(65 * 1024 * 1024), { level: 1 }));
  };
  await expect(call()).rejects.toThrow(Failure);
}, 30_000);

describe('a snapshot', () => {
  const history = new History(60);
  const snapshot = (from: number) => history.snapshot(from, 60, [serverPeer, own]);
  const asked: string[] = [];

  /** A server that gives at most 10 digests at a time. */
  const pages = ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    asked.push(url.split('&')[0] ?? '');
    const from = Number(/position=(\d+)/.exec(url)?.[1] ?? 60);
    const page = { from, position: Math.min(60, from + 10), digests: history.digests.slice(from, from + 10) };
    response.end(JSON.stringify(url.includes('digests') ? page : snapshot(Math.max(from, 50))));
  };

  it('comes with the way to it, paged through where it is long', async () => {
    answer = pages;
    const { snapshot: whole, reached } = await api.snapshot(history.head(27), 'proof');
    expect(reached).toEqual(history.head(57));
    expect(whole.from).toBe(57);
    expect(asked).toEqual([
      '/v1/user/snapshot?position=27',
      '/v1/user/digests?position=27',
      '/v1/user/digests?position=37',
      '/v1/user/digests?position=47',
      '/v1/user/snapshot?position=57',
    ]);
  });

  it('is asked for without a position by who has none', async () => {
    answer = ({ url }, response) =>
      response.end(JSON.stringify(url === '/v1/user/snapshot?can=proof' ? snapshot(60) : {}));
    expect((await api.snapshot(undefined, 'proof')).snapshot.position).toBe(60);
  });

  it('ends also where the server leads nowhere', async () => {
    answer = ({ url = '' }, response) =>
      response.end(
        JSON.stringify(url.includes('digests') ? { from: 3, position: 3, digests: [] } : snapshot(50)),
      );
    expect((await api.snapshot(history.head(3), 'proof')).reached).toEqual(history.head(3));
  });
});
