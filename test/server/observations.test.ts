// What is seen of peers: numbered, filtered against abuse, passed on in measure, kept over a restart.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isAcceptable } from '../../src/server/observations/candidates.ts';
import {
  copyObservations,
  ObservationFile,
  observationDocument,
  observationsBeside,
  takeObservations,
} from '../../src/server/observations/observation-file.ts';
import { Observations } from '../../src/server/observations/observations.ts';
import { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import { cidr, peerId } from '../acme.ts';

const at = (text: string): SocketAddress => SocketAddress.parse(text);
const [ann, bob] = [peerId(2), peerId(3)];
const network = cidr('10.42.0.0/16');

describe('a candidate', () => {
  it.each([
    ['192.168.1.2:1', null, true],
    ['172.16.0.1:1', null, true],
    ['10.1.2.3:1', null, true],
    ['[fd00::1]:1', null, true],
    ['198.51.100.1:1', null, false],
    ['198.51.100.1:1', '198.51.100.1:9', false], // documentation addresses are nowhere
    ['8.8.8.8:1', '8.8.8.8:9', true],
    ['8.8.8.8:1', '8.8.4.4:9', false],
    ['[2600::1:2:3:4]:1', '[2600::9:9:9:9]:9', true], // the same /64
    ['[2600:0:0:1::1]:1', '[2600::1]:9', false],
    ['8.8.8.8:1', '[2600::1]:9', false],
    ['10.42.7.7:1', '8.8.8.8:1', false], // inside the network
    ['127.0.0.1:1', '127.0.0.1:1', false],
    ['[::1]:1', '[::1]:1', false],
    ['0.0.0.0:1', '0.0.0.0:1', false],
    ['255.255.255.255:1', '255.255.255.255:1', false],
    ['224.0.0.1:1', '224.0.0.1:1', false],
    ['[ff02::1]:1', '[ff02::1]:1', false],
    ['169.254.1.1:1', '169.254.1.1:1', false],
    ['[fe80::1]:1', '[fe80::1]:1', false],
    ['[::ffff:10.1.1.1]:1', '[::ffff:10.1.1.1]:1', false],
  ])('%s of a peer seen at %s: %s', (candidate, observed, expected) =>
    expect(isAcceptable(at(candidate), observed === null ? null : at(observed), network)).toBe(expected),
  );
});

describe('observations', () => {
  let seen: Observations;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    seen = new Observations('boot', network);
  });
  afterEach(() => {
    seen.close();
    vi.useRealTimers();
  });

  const since = (sequence: number) => [...seen.since(sequence)].map(({ id }) => id);

  it('number each change, and give what is newer than a number once', () => {
    seen.see(ann, at('8.8.8.8:1'));
    seen.see(bob, at('8.8.4.4:1'));
    seen.see(ann, at('8.8.8.8:2'));
    expect([seen.sequence, since(0), since(1), since(2), since(3)]).toEqual([
      3,
      [bob, ann],
      [bob, ann],
      [ann],
      [],
    ]);
    seen.see(ann, at('8.8.8.8:2'));
    seen.see(ann, null);
    expect(seen.sequence).toBe(3);
  });

  it('stay findable when many changes have been overtaken', () => {
    for (let port = 1; port <= 5_000; port++) seen.see(port % 2 ? ann : bob, at(`8.8.8.8:${port}`));
    expect([since(0), since(4_999), since(5_000)]).toEqual([[ann, bob], [bob], []]);
  });

  it('pass candidates on at once, then at most once in ten seconds, the newest', () => {
    const told: string[][] = [];
    seen.onChange(({ candidates }) => told.push(candidates));
    for (const last of [1, 2, 3]) seen.report(ann, [at(`192.168.1.${last}:1`)]);
    expect(told).toEqual([['192.168.1.1:1']]);
    vi.advanceTimersByTime(9_900);
    seen.report(ann, [at('192.168.1.4:1')]);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(200);
    expect(told).toEqual([['192.168.1.1:1'], ['192.168.1.4:1']]);
    seen.report(bob, [at('192.168.1.5:1')]);
    expect(told).toHaveLength(3);
  });

  it('judge candidates anew when the peer is seen elsewhere', () => {
    seen.report(ann, [at('8.8.8.8:1')]);
    expect(seen.of(ann).candidates).toEqual([]);
    seen.see(ann, at('8.8.8.8:7'));
    expect(seen.of(ann).candidates).toEqual(['8.8.8.8:1']);
    seen.see(ann, at('8.8.4.4:7'));
    expect(seen.of(ann).candidates).toEqual([]);
  });

  it('take the machine at its own word, but for addresses inside the network', () => {
    seen.reportOwn(peerId(1), [at('8.8.8.8:1'), at('10.42.0.1:1'), at('127.0.0.1:1')]);
    expect(seen.of(peerId(1)).candidates).toEqual(['8.8.8.8:1']);
  });

  it('keep ten candidates at most', () => {
    seen.report(
      ann,
      Array.from({ length: 20 }, (_, i) => at(`192.168.1.${i + 1}:1`)),
    );
    expect(seen.of(ann).candidates).toHaveLength(10);
  });

  it('forget a peer that is gone', () => {
    seen.see(ann, at('8.8.8.8:1'));
    seen.forget(ann);
    expect([seen.of(ann).endpoint, seen.rowOf(ann), since(0)]).toEqual([null, undefined, []]);
  });
});

describe('observations beside a backup', () => {
  const folder = mkdtempSync(join(tmpdir(), 'observations-'));
  const [own, other] = [join(folder, 'acme.observations'), observationsBeside(join(folder, 'acme.backup'))];
  afterEach(() => {
    for (const file of [own, other]) rmSync(file, { force: true });
  });
  const write = (file: string, ...rows: [PeerId, string, number?][]) =>
    writeFileSync(
      file,
      observationDocument(
        rows.map(([id, endpoint, lastHandshake]) => ({
          id,
          endpoint: at(endpoint),
          reported: [],
          lastHandshake,
        })),
      ),
    );
  const endpoints = (file: string) => {
    const seen = new Observations('boot', network);
    const kept = new ObservationFile(file, seen, () => true);
    const rows = [seen.of(ann).endpoint, seen.of(bob).endpoint];
    kept.close();
    seen.close();
    return rows;
  };

  it('are taken where this machine has none, or older ones', () => {
    write(other, [ann, '8.8.8.8:1', 5], [bob, '8.8.4.4:2', 5]);
    takeObservations(other, own);
    expect(endpoints(own)).toEqual(['8.8.8.8:1', '8.8.4.4:2']);
    write(own, [ann, '1.1.1.1:1', 9], [bob, '1.1.1.1:2', 1]);
    takeObservations(other, own);
    expect(endpoints(own)).toEqual(['1.1.1.1:1', '8.8.4.4:2']);
  });

  it('are copied whole; none are no file', () => {
    copyObservations(own, other);
    expect(existsSync(other)).toBe(false);
    write(own, [ann, '8.8.8.8:1', 5]);
    copyObservations(own, other);
    expect([endpoints(other)[0], statSync(other).mode & 0o777]).toEqual(['8.8.8.8:1', 0o600]);
  });
});

describe('the file of observations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'observations-'));
  const file = join(folder, 'acme.observations');
  afterEach(() => rmSync(file, { force: true }));

  it('keeps them over a restart, but not of peers that are gone', async () => {
    const before = new Observations('one', network);
    const first = new ObservationFile(file, before, () => true);
    before.see(ann, at('8.8.8.8:1'), 1234);
    before.report(ann, [at('192.168.1.1:1'), at('8.8.4.4:1')]);
    before.see(bob, at('8.8.4.4:1'));
    await first.close();
    before.close();
    const after = new Observations('two', network);
    const second = new ObservationFile(file, after, (id) => id === ann);
    expect(after.of(ann)).toMatchObject({
      endpoint: '8.8.8.8:1',
      candidates: ['192.168.1.1:1'],
      lastHandshake: 1234,
    });
    expect(after.of(bob).endpoint).toBeNull();
    await second.close();
    after.close();
  });

  it.each(['', '{', '{"version":2,"peers":[]}', '{"version":1,"peers":[{"id":"x"}]}'])(
    'that holds %j is as good as none',
    async (content) => {
      writeFileSync(file, content);
      const observations = new Observations('boot', network);
      const kept = new ObservationFile(file, observations, () => true);
      expect(observations.sequence).toBe(0);
      observations.see(ann, at('8.8.8.8:1'));
      await kept.close();
      observations.close();
      expect(JSON.parse(readFileSync(file, 'utf8')).peers).toHaveLength(1);
    },
  );
});
