// Snapshots: two pieces of gzip that any client reads as one, the second made once for all who see the same.
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { extend, judge } from '../../src/client/memory/chain.ts';
import { viewOf } from '../../src/domain/views.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { Snapshot } from '../../src/protocol/frames.ts';
import { MAX_DIGESTS } from '../../src/protocol/http.ts';
import { cidrRow, peerRow } from '../../src/protocol/rows.ts';
import { storeState } from '../../src/server/live/load-network.ts';
import { WINDOW_RECORDS } from '../../src/server/live/window.ts';
import type { CidrId, Position } from '../../src/values/id.ts';
import { keyText, type PublicKey } from '../../src/values/key.ts';
import { acme, associated, ids, ip, peerId } from '../acme.ts';
import type { Asked } from '../given.ts';
import { oldView } from '../invariants.ts';
import { append, commitOf } from '../store/temp-log.ts';
import { bytesOf, RunningNetwork } from './running-network.ts';

const start = async (events: readonly NetworkEvent[] = acme.network): Promise<RunningNetwork> => {
  const running = await RunningNetwork.start(events);
  onTestFinished(() => running.close());
  return running;
};

const machineNames = Array.from({ length: 1200 }, (_, index) => `machine-${index}`);
const manyMachines = (): NetworkEvent[] =>
  machineNames.map((name, index) => ({
    type: 'PeerAdded',
    peerId: peerId(100 + index),
    name,
    ip: ip(`10.42.${2 + Math.floor(index / 250)}.${1 + (index % 250)}`),
    cidrId: ids.machines,
    publicKey: keyText(
      new Uint8Array(32).fill(9).map((byte, at) => byte + ((index >> (at % 16)) & 1)),
    ) as PublicKey,
    isAdmin: false,
    inviteExpires: null,
    redeemed: true,
  }));

const snapshotOf = async ({ snapshots }: RunningNetwork, viewer: CidrId, after?: Position): Promise<Buffer> =>
  bytesOf(snapshots.of(oldView(viewer), after));

const read = (bytes: Buffer): Snapshot => Snapshot.parse(JSON.parse(gunzipSync(bytes).toString()));

const snapshot = async (...args: Parameters<typeof snapshotOf>): Promise<Snapshot> =>
  read(await snapshotOf(...args));

/** The second member: what comes after the first, which ends where another begins. */
const rowsOf = (bytes: Buffer): Buffer => bytes.subarray(bytes.lastIndexOf(Buffer.from([0x1f, 0x8b, 8])));

const rename = (name: string): Asked => ({ type: 'RenamePeer', peer: ids.bob, name });
const names = ({ peers }: Snapshot): string[] => peers.map(({ name }) => name).sort();

it('holds everything that the peers of a CIDR see, and nothing else', async () => {
  const running = await start();
  const { network, live } = running;
  const found = await snapshot(running, ids.engineers);
  expect(found).toEqual({
    network: live.networkId,
    ...live.head,
    from: live.head.position,
    digests: [],
    peers: expect.arrayContaining([ids.server, ids.ann, ids.ryo].map((id) => peerRow(network.peer(id)!))),
    cidrs: [...network.cidrs()].map(cidrRow),
  });
  expect(found.peers).toHaveLength(3);
  expect(names(await snapshot(running, ids.bakers))).toEqual(['bob', 'innernet-server']);
});

it('leads from where the client is to where it ends', async () => {
  const running = await start();
  const before = { networkId: running.live.networkId, ...running.live.head };
  for (const name of ['rob', 'bert', 'bo']) await running.ask(rename(name));
  const found = await snapshot(running, ids.bakers, before.position);
  expect(found.digests).toHaveLength(3);
  expect(judge(before, found, sha256)).toMatchObject({ kind: 'take', head: running.live.head });
});

it('names no digests to who is ahead of it', async () => {
  const running = await start();
  const { position } = running.live.head;
  expect(await snapshot(running, ids.bakers, position + 5)).toMatchObject({ from: position, digests: [] });
});

describe('its rows', () => {
  it('are made once for all who ask', async () => {
    const running = await start();
    const [one, two] = await Promise.all([1, 2].map(() => snapshotOf(running, ids.bakers)));
    expect(rowsOf(one!).equals(rowsOf(two!))).toBe(true);
    const before = await snapshotOf(running, ids.bakers);
    await running.ask({ type: 'RenamePeer', peer: ids.ryo, name: 'leo' });
    const after = await snapshotOf(running, ids.bakers);
    expect(rowsOf(after).equals(rowsOf(before))).toBe(true);
    expect(read(after).position).toBe(read(before).position + 1);
  });

  it('are made anew when something changed for those who see them', async () => {
    const running = await start();
    expect(names(await snapshot(running, ids.bakers))).toContain('bob');
    await running.ask(rename('rob'));
    expect(names(await snapshot(running, ids.bakers))).toContain('rob');
    await running.ask({ type: 'AddAssociation', cidrs: ['bakers', 'machines'] });
    expect(names(await snapshot(running, ids.bakers))).toContain('oven');
    await running.ask({ type: 'RenameCidr', cidr: 'engineers', name: 'makers' });
    const { cidrs } = await snapshot(running, ids.bakers);
    expect(cidrs.map(({ name }) => name)).toContain('makers');
  });

  it('are made anew for a view that nobody had for a while', async () => {
    const running = await start([...acme.network, associated(ids.machines, ids.engineers)]);
    await running.ask({ type: 'IsolateCidr', cidr: 'machines' });
    const says = (limits: boolean | null) =>
      running.ask(
        { type: 'RecordEnforcers', said: [{ peerId: ids.oven, limits }] },
        { actor: { kind: 'server' } },
      );
    const shown = async () => {
      const oven = running.network.peer(ids.oven)!;
      return names(
        read(await bytesOf(running.snapshots.of(viewOf(running.network, oven, 'limits'), undefined))),
      );
    };
    await says(true);
    expect(await shown()).toContain('ryo');
    await says(null);
    await running.ask({ type: 'DisablePeer', peer: ids.ryo });
    await says(true);
    expect(await shown()).not.toContain('ryo');
  });

  it('belong to the position that is named, also when a commit comes while they are made', async () => {
    const running = await start();
    const early = snapshotOf(running, ids.bakers);
    const { position } = running.live.head;
    await running.ask(rename('rob'));
    const found = read(await early);
    expect(found.position).toBe(position);
    expect(names(found)).toContain('bob');
  });

  it('of many peers are written out a piece at a time, and are of one moment still', async () => {
    const running = await start([...acme.network, ...manyMachines()]);
    const early = snapshotOf(running, ids.machines);
    const last = peerId(100 + machineNames.length - 1);
    running.network.advance(
      [{ type: 'PeerRenamed', peerId: last, name: 'renamed' }],
      running.network.position + 1,
    );
    const seen = names(read(await early));
    expect(seen).toEqual([...machineNames, 'innernet-server', 'oven'].sort());
  });
});

it('leaves the digests of long ago to be paged through, from the log where memory ends', async () => {
  const running = await start();
  await storeState(running.log, running.network);
  const before = { networkId: running.live.networkId, ...running.live.head };
  const silence: Asked = {
    type: 'AllOf',
    commands: Array.from({ length: 900 }, (_, index) => ({
      type: index % 2 === 0 ? 'GrantAdmin' : 'RevokeAdmin',
      peer: ids.eve,
    })),
  };
  for (let count = 0; count < 12; count++) await running.ask(silence);
  expect(running.live.window.start).toBeGreaterThan(before.position);
  const found = await snapshot(running, ids.bakers, before.position);
  expect(found.from).toBe(found.position - MAX_DIGESTS);
  const missing = await running.digests(before.position, found.from);
  expect(missing).toHaveLength(12 * 900 - MAX_DIGESTS);
  expect(missing.length + MAX_DIGESTS).toBeGreaterThan(WINDOW_RECORDS);
  const reached = extend(before, missing, sha256);
  expect(judge(reached, found, sha256)).toMatchObject({ kind: 'take', head: running.live.head });
}, 30_000);

it('after each restored backup nobody counts as enabled anew, however often it was said before', async () => {
  const running = await start();
  const restore = async (n: number) => {
    const { position, hash } = running.live.head;
    const event = { type: 'LogRestored', lostPosition: (position + 9) as Position, lostHash: hash } as const;
    await append(running.log, commitOf([event], `restored-${n}`));
    await running.live.reached(position + 1);
  };
  const vouchedFor = async () =>
    (await snapshot(running, ids.bakers)).peers.flatMap(({ name, isVouchedFor }) =>
      isVouchedFor ? name : [],
    );
  await restore(1);
  await running.ask({ type: 'EnablePeer', peer: ids.bob });
  expect(await vouchedFor()).toEqual(['bob']);
  await restore(2);
  expect(await vouchedFor()).toEqual([]);
  expect((await snapshot(running, ids.bakers)).restorations).toHaveLength(2);
});
