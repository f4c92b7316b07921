// Metrics of a running server in Prometheus's format, at a Unix socket or a loopback address and nowhere else.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Relay } from '../../src/relay/relay.ts';
import { Metrics } from '../../src/server/metrics/metrics.ts';
import { MetricsDoor } from '../../src/server/metrics/metrics-door.ts';
import { MetricsPlace } from '../../src/server/metrics/metrics-place.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, ids, keyOf } from '../acme.ts';
import { folderForSockets } from '../folder-for-sockets.ts';
import { networkOf } from '../given.ts';
import { ServedNetwork } from './served-network.ts';

let served: ServedNetwork;
let folder: string;
beforeAll(async () => {
  served = await ServedNetwork.start();
  folder = folderForSockets('innernet-metrics-');
});
afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

type Got = { status: number; type: string | undefined; text: string };

const get = (
  to: { socketPath: string } | { port: number },
  path = '/metrics',
  headers: IncomingHttpHeaders = {},
): Promise<Got> =>
  new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', ...to, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], text }),
      );
    });
    call.once('error', reject);
    call.end();
  });

const NOW = Date.parse('2026-11-22T12:00:00.000Z');

const device = () => ({
  publicKey: undefined,
  listenPort: 1,
  peers: new Map(
    [10, 200, undefined].map((seconds, index) => [
      keyOf(`peer ${index}`),
      {
        publicKey: keyOf(`peer ${index}`),
        allowedIps: [],
        endpoint: undefined,
        keepalive: 0,
        latestHandshake: seconds === undefined ? undefined : NOW - seconds * 1000,
        rxBytes: 0,
        txBytes: 0,
      },
    ]),
  ),
});

const relay = { counts: { ...new Relay().counts, byKernel: undefined } };

const NO_STANDBYS = { report: () => ({ aloneSince: null, standbys: [] }) };

describe('what is counted', () => {
  it('the log, the clients, refusals, appends and the device', async () => {
    const metrics = new Metrics();
    const plane = metrics.counted(served.plane);
    const log = metrics.timed(served.log);
    const actor = { kind: 'operator' as const, uid: 0 };
    for (const peer of ['nobody', 'no-one'])
      await expect(plane.execute({ type: 'DeletePeer', peer }, { actor })).rejects.toThrow(
        'there is no peer',
      );
    await log.append((await served.log.head()).position, [
      {
        actor: '{"kind":"server"}',
        commandId: 'x',
        commandDigest: 'a'.repeat(64) as never,
        recordedAt: '2026-11-22T12:00:00.000Z' as never,
        events: [{ type: 'CidrRenamed', cidrId: 3 as never, name: 'people' }],
      },
    ]);
    const { live, hub, limits, unproved } = served;
    await live.reached((await served.log.head()).position);
    const text = metrics.text(
      {
        network: 'acme',
        live,
        hub,
        limits,
        unproved,
        device,
        relay,
        losses: { times: 2 },
        standbys: NO_STANDBYS,
      },
      NOW,
    );
    const lines = text.split('\n');
    for (const line of [
      `innernet_head_position ${live.head.position}`,
      'innernet_peers 1',
      'innernet_append_seconds_count 1',
      'innernet_append_seconds_bucket{le="+Inf"} 1',
      'innernet_clients_live 0',
      'innernet_clients_behind 0',
      'innernet_clients_held 0',
      'innernet_frames_sent_total 0',
      'innernet_queue_bytes 0',
      'innernet_refusals_total{code="UnknownPeer"} 2',
      'innernet_device_peers 3',
      'innernet_device_peers_connected 1',
      'innernet_handshake_age_seconds_bucket{le="30"} 1',
      'innernet_handshake_age_seconds_bucket{le="300"} 2',
      'innernet_handshake_age_seconds_count 2',
      'innernet_table_restored_total 2',
      'innernet_relay_pairs 0',
      'innernet_relay_packets_total{by="kernel"} 0',
      'innernet_relay_dropped_total{reason="stranger"} 0',
    ])
      expect(lines).toContain(line);
  });

  it('enabled peers whose time ends within a week, as it is looked at', () => {
    const network = networkOf(
      acme.network,
      { type: 'PeerExpirySet', peerId: ids.bob, expires: '2026-11-29T12:00:00.000Z' as Timestamp },
      { type: 'PeerExpirySet', peerId: ids.oven, expires: '2026-11-30T12:00:00.000Z' as Timestamp },
    );
    const { hub, limits, unproved, live } = served;
    const sources = {
      network: 'acme',
      live: { head: live.head, network },
      hub,
      limits,
      unproved,
      relay: {},
      losses: { times: 0 },
      standbys: NO_STANDBYS,
    };
    const seen = (now: string) =>
      /^innernet_peers_ending (\d+)$/m.exec(
        new Metrics().text({ ...sources, device: () => undefined }, Date.parse(now)),
      )?.[1];
    expect([
      seen('2026-11-22T11:59:59Z'),
      seen('2026-11-22T12:00:00Z'),
      seen('2026-11-23T12:00:00Z'),
    ]).toEqual(['0', '1', '2']);
  });

  it('is in the format that Prometheus reads: help and type before each family, numbers after each name', () => {
    const { live, hub, limits, unproved } = served;
    const sources = {
      network: 'acme',
      live,
      hub,
      limits,
      unproved,
      device: () => undefined,
      relay,
      losses: { times: 0 },
      standbys: NO_STANDBYS,
    };
    const text = new Metrics().text(sources);
    const families = new Set<string>();
    for (const line of text.trimEnd().split('\n')) {
      const [, hash, name] = /^# (HELP|TYPE) ([a-z_]+) \S/.exec(line) ?? [];
      if (hash) families.add(name ?? '');
      else {
        const [, sample = ''] = /^([a-z_]+)(?:\{[a-z]+="[^"]+"\})? -?[\d.e+-]+$/.exec(line) ?? [];
        const family = sample.replace(/_(bucket|sum|count)$/, '');
        expect([line, families.has(family) || families.has(sample)]).toEqual([line, true]);
      }
    }
    expect(families.size).toBeGreaterThan(10);
    const docs = readFileSync('docs/metrics.md', 'utf8');
    for (const name of families) expect(docs).toContain(`\`${name}\``);
  });
});

describe('where it is read', () => {
  const place = (text: string): MetricsPlace => MetricsPlace.parse(text);

  it('a Unix socket for its owner and group, gone when the server ends, also one that a killed server left', async () => {
    const path = join(folder, 'acme.metrics');
    const door = await MetricsDoor.open(place(path), () => 'text\n');
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(await get({ socketPath: path })).toMatchObject({
      status: 200,
      text: 'text\n',
      type: expect.stringContaining('version=0.0.4'),
    });
    expect((await get({ socketPath: path }, '/secrets')).status).toBe(404);
    await expect(MetricsDoor.open(place(path), () => '')).rejects.toThrow('another program listens there');
    await door.close();
    expect(existsSync(path)).toBe(false);
    const file = join(folder, 'a-file');
    writeFileSync(file, 'mine');
    await expect(MetricsDoor.open(place(file), () => '')).rejects.toThrow('metrics cannot be offered');
    expect(existsSync(file)).toBe(true);
  });

  it('a loopback address, but not for a page in a browser', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const door = await MetricsDoor.open(place(`127.0.0.1:${port}`), () => 'text\n');
    expect((await get({ port })).status).toBe(200);
    expect((await get({ port }, '/metrics', { origin: 'https://example.org' })).status).toBe(404);
    expect((await get({ port }, '/metrics', { host: 'rebound.example.org' })).status).toBe(404);
    await door.close();
  });

  it('says what is wrong with a place', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    await expect(MetricsDoor.open(place(`127.0.0.1:${port}`), () => '')).rejects.toThrow(
      `metrics cannot be offered at 127.0.0.1:${port}: another program listens there`,
    );
    taken.close();
    await expect(MetricsDoor.open(place('/nowhere/acme.metrics'), () => '')).rejects.toThrow(
      'there is no such folder',
    );
  });

  it('takes no path for which a socket has no room', () => {
    expect(MetricsPlace.safeParse(`/${'x'.repeat(106)}`).success).toBe(true);
    expect(MetricsPlace.safeParse(`/${'x'.repeat(105)}é`).error?.message).toMatch('at most 107 bytes');
  });

  it.each(['0.0.0.0:9586', '10.42.0.1:9586', 'example.org:9586', ':9586', 'acme.metrics', '[::]:9586'])(
    'never %s',
    (text) => expect(MetricsPlace.safeParse(text).success).toBe(false),
  );
});
