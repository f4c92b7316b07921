// docs/openapi.json: made again it is the same, it has every route that the server registers, and answers are as it says.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROUTES } from '../../scripts/api-routes.ts';
import { openApiText } from '../../scripts/openapi-document.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { COMMANDS_PATH, LOOK_PATH, PAST_PATH } from '../../src/protocol/http.ts';
import { ServedNetwork } from './served-network.ts';

/** Fastify tells of each server that it makes, before the routes are added. */
const FASTIFY_MADE = 'fastify.initialization';

const registered: { [route: string]: string | undefined } = {};
const watch = (made: unknown): void => {
  (made as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url, config }) => {
    for (const each of [method].flat()) registered[`${each} ${url}`] = config?.openTo;
  });
};

let served: ServedNetwork;
let ann: Peer;

beforeAll(async () => {
  subscribe(FASTIFY_MADE, watch);
  served = await ServedNetwork.start();
  ann = await served.peer('ann', { admin: true });
  await served.peer('bob', { cidr: 'robots' });
});
afterAll(async () => {
  unsubscribe(FASTIFY_MADE, watch);
  await served.close();
});

type Document = { paths: { [path: string]: object }; components: { schemas: object } };
const text = readFileSync('docs/openapi.json', 'utf8');
const document = JSON.parse(text) as Document;

it('is what node scripts/run.js scripts/openapi.ts makes', () => {
  expect(openApiText()).toBe(text);
});

it('has the routes that the server registers, open to the same callers', () => {
  const told = Object.entries(ROUTES).map(([route, { openTo }]) => [route, openTo]);
  expect(Object.keys(registered).length).toBeGreaterThan(20);
  expect(Object.fromEntries(told)).toEqual(registered);
  const inDocument = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  expect(inDocument.sort()).toEqual(Object.keys(registered).sort());
});

it('points at schemas that it has', () => {
  const pointers = [...text.matchAll(/"\$ref": "([^"]*)"/g)].map(([, pointer]) => pointer);
  const there = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect([...new Set(pointers)].filter((pointer) => !there.includes(pointer!))).toEqual([]);
});

const asked = (path: string, body?: unknown): [string, unknown] => [path, body];
const addBlock = {
  id: 'one',
  command: { type: 'AddCidr', name: 'ops', cidr: '127.42.3.0/24' },
  dryRun: true,
};

it.each([
  ...Object.entries(ROUTES)
    .filter(([route, { answers }]) => route.startsWith('GET ') && answers)
    .map(([route]) => asked(route)),
  asked(`POST ${PAST_PATH}`, { ask: 'head' }),
  asked(`POST ${PAST_PATH}`, { ask: 'history', after: 0, limit: 10 }),
  asked(`POST ${PAST_PATH}`, { ask: 'why', peers: ['ann', 'bob'] }),
  asked(`POST ${LOOK_PATH}`, { peers: [2] }),
  asked(`POST ${COMMANDS_PATH}`, addBlock),
  asked('POST /v1/admin/cidrs', { name: 'ops', cidr: '127.42.4.0/24', parent: 1 }),
])('is true of the answer to %s', async (route, body) => {
  const [method, path = ''] = route.split(' ');
  const answer = await served.call(path, {
    from: ann.ip,
    method: method!,
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
  });
  const { status, answers } = ROUTES[route]!;
  expect(answer.status, answer.text).toBe(status);
  const bytes = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.bytes) : answer.bytes;
  const value: unknown = JSON.parse(bytes.toString());
  expect(
    answers!.some((shape) => shape.safeParse(value).success),
    bytes.toString(),
  ).toBe(true);
});
