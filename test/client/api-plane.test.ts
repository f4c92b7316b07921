// Asking the log through the API: word for word what the server says, checked, and patient where it is asked often.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Api } from '../../src/client/api/api.ts';
import { ApiPlane } from '../../src/client/api/api-plane.ts';
import type { Conf } from '../../src/protocol/conf.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { keyOf, peerId } from '../acme.ts';
import { loopback } from './loopback.ts';

let http: Server;
let plane: ApiPlane;
let answers: [status: number, body: unknown][];
/** What was asked: path and body. */
let calls: [path: string | undefined, body: string][];

beforeEach(async () => {
  calls = [];
  http = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    calls.push([request.url, text]);
    const [status, body] = answers.shift() ?? [500, ''];
    response.writeHead(status).end(body === '' ? '' : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server = { internalEndpoint: `127.0.0.1:${port}`, publicKey: keyOf('server') };
  const api = new Api(server.internalEndpoint as SocketAddress, server.publicKey, loopback);
  plane = new ApiPlane('acme', { networkName: 'acme', server } as unknown as Conf, api);
});
afterEach(async () => {
  await plane.close();
  http.closeAllConnections();
  http.close();
});

const place = { time: '2026-11-22T12:00:00.000Z', hash: NO_HASH, position: 3 };

it('gives what the server says, in its order, with what a newer one adds', async () => {
  answers = [[200, { ...place, mood: 'fine' }]];
  const found = await plane.ask({ ask: 'place', at: 3 });
  expect(JSON.stringify(found)).toBe(JSON.stringify({ ...place, mood: 'fine' }));
});

it('undoes by name what is too long to be sent', async () => {
  const outcome = { position: 9, hash: NO_HASH, events: [] };
  const renames = (count: number) =>
    Array.from({ length: count }, () => ({ type: 'RenamePeer', peer: 'bob', name: 'b'.repeat(60) }));
  const undoing = (count: number, more: object = {}) =>
    plane.execute({ type: 'AllOf', commands: renames(count), at: 8, reverts: 7, ...more } as never);
  answers = Array(3).fill([200, outcome]);
  await undoing(2);
  expect(await undoing(200)).toEqual(outcome);
  await undoing(200, { returnsTo: 3 });
  expect(calls.map(([path]) => path)).toEqual(['/v1/admin/commands', '/v1/admin/undo', '/v1/admin/undo']);
  expect(calls.map(([, text]) => JSON.parse(text).undo)).toEqual([
    undefined,
    { reverts: 7, at: 8 },
    { to: 3, at: 8 },
  ]);
});

/** Each type of event as a newer server may record it: under another name, with a field of another kind. */
const newerEvents = readdirSync('test/events/golden').map((file) => {
  const { event } = JSON.parse(readFileSync(join('test/events/golden', file), 'utf8'));
  return { ...event, type: `${event.type}Again`, name: { first: 'bob' }, since: null };
});

it('reads what came of a command, and what would, whatever a newer server records', async () => {
  const outcome = { position: 9, hash: NO_HASH, events: newerEvents };
  const rehearsal = { ...outcome, dryRun: true, sentences: [], reach: { gained: [], lost: [] } };
  answers = [
    [200, outcome],
    [200, rehearsal],
  ];
  const command = { type: 'DisablePeer', peer: 'bob' } as never;
  expect(await plane.execute(command)).toEqual(outcome);
  expect(await plane.rehearse(command)).toEqual(rehearsal);
});

it('takes nothing that is no answer', async () => {
  answers = [[200, { ...place, position: 'three' }]];
  await expect(plane.ask({ ask: 'place', at: 3 })).rejects.toThrow('cannot be understood');
});

it('waits where it has asked too often, and goes on', async () => {
  answers = [
    [429, ''],
    [200, place],
  ];
  expect((await plane.ask({ ask: 'place', at: 3 })).position).toBe(3);
  answers = [
    [429, ''],
    [200, { ways: [] }],
    [429, ''],
    [200, { position: 9, hash: NO_HASH, events: [] }],
  ];
  expect(await plane.ways([peerId(2)])).toEqual([]);
  expect((await plane.execute({ type: 'DisablePeer', peer: 'bob' } as never)).position).toBe(9);
});

it('says why there is no answer, with the command to try', async () => {
  answers = [
    [
      400,
      {
        code: 'NoAnswer',
        error: 'no peer was ever called "x"',
        hint: 'they are listed by',
        verb: 'list-peers',
      },
    ],
  ];
  const refused = await plane.ask({ ask: 'why', peers: ['x', 'y'] }).catch((error) => error);
  expect([refused.message, refused.verb]).toEqual(['no peer was ever called "x"', 'list-peers']);
});

it('looks which ways packets take; an older server, or one that refuses, is no failure', async () => {
  const way = { from: 2, to: 3, way: 'relayed', relay: 1, relayName: 'innernet-server' };
  answers = [
    [200, { ways: [way] }],
    [404, { code: 'NotFound', error: 'no such call' }],
    [401, ''],
    [500, ''],
  ];
  const pair = [peerId(2), peerId(3)];
  expect(await plane.ways(pair)).toEqual([way]);
  expect(await plane.ways(pair)).toBeUndefined();
  expect(await plane.ways(pair)).toBeUndefined();
  await expect(plane.ways(pair)).rejects.toThrow();
  expect(calls[0]).toEqual(['/v1/admin/look', '{"peers":[2,3]}']);
});
