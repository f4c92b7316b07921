// What a promotion refuses before anything is asked of other machines, and what its client was shown.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clientHead } from '../../src/server/handover/client-head.ts';
import { ServerProgram } from './program.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('a promotion', () => {
  let server: ServerProgram;
  beforeAll(async () => {
    server = new ServerProgram();
    await server.run(
      ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
      ...['--external-endpoint', 'vpn.example.org:51820'],
    );
  }, 60_000);
  afterAll(() => server.remove());

  it('is refused where the network is served', async () => {
    const { code, stderr } = await server.run('promote', 'acme', '--yes');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('this machine is the server of acme already'),
    ]);
  });

  it('is refused where nothing is followed', async () => {
    const { code, stderr } = await server.run('promote', 'other', '--yes');
    expect([code, stderr]).toEqual([1, expect.stringContaining('follows no network by that name')]);
    expect(stderr).toContain('innernet-server standby NETWORK --of FILE');
  });

  it('is refused with a log and no kit', async () => {
    const bare = new ServerProgram();
    mkdirSync(bare.dataDir, { recursive: true, mode: 0o700 });
    expect((await server.run('backup', 'acme', join(bare.dataDir, 'acme.events'))).code).toBe(0);
    const { code, stderr } = await bare.run('promote', 'acme', '--yes');
    bare.remove();
    expect([code, stderr]).toEqual([1, expect.stringContaining('acme.kit is missing')]);
  });
});

describe('what the client on this machine was shown', () => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-shown-'));
  const place = { state: join(folder, 'acme.json'), journal: join(folder, 'acme.journal') };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const head = (position: number) => ({
    head: { networkId: 'a'.repeat(64), position, hash: 'b'.repeat(64) },
  });

  it('is unknown without its files, or with files that say nothing', () => {
    expect(clientHead(place)).toBeUndefined();
    writeFileSync(place.state, '{"version":"1"}');
    writeFileSync(place.journal, 'torn');
    expect(clientHead(place)).toBeUndefined();
  });

  it('is the greatest head of its state and its journal', () => {
    writeFileSync(place.state, JSON.stringify(head(5)));
    expect(clientHead(place)?.position).toBe(5);
    writeFileSync(place.journal, [6, 7].map((it) => `${JSON.stringify(head(it))}\tsum\n`).join(''));
    expect(clientHead(place)).toEqual({ position: 7, hash: 'b'.repeat(64) });
  });
});
