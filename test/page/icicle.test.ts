// The picture's places: each peer within its block, nobody on another's place, and nobody moves without need.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { Ground } from '../../src/page/map/ground.ts';
import { capacityOf, cellOf, type Icicle, icicleOf, type Rect, slotAt } from '../../src/page/map/icicle.ts';
import type { CidrId } from '../../src/values/id.ts';
import { Ip } from '../../src/values/ip.ts';
import { networkOf } from '../given.ts';
import { TOWNS } from './towns.ts';

const SIZE = { width: 1200, height: 420 };

const cidrAdded = (id: number, cidr: string, parentId: number | null): NetworkEvent =>
  ({ type: 'CidrAdded', cidrId: id, name: `c${id}`, cidr, parentId }) as NetworkEvent;

const peerAdded = (id: number, cidrId: number, ip: string): NetworkEvent =>
  ({
    type: 'PeerAdded',
    peerId: id,
    name: `p${id}`,
    ip: Ip.parse(ip),
    cidrId,
    publicKey: `key ${id}`,
    isAdmin: false,
    inviteExpires: null,
    redeemed: true,
  }) as NetworkEvent;

/** `families`, `4` or `6`: a root with five blocks, one of them around two more, and one with peers of its own. */
const blocksOf = (
  family: 4 | 6,
): { events: NetworkEvent[]; address: (cidrId: number, host: number) => string } => {
  const block = (number: number, prefix: 4 | 5): string =>
    family === 4
      ? `10.0.${number}.0/${prefix === 5 ? 24 : 22}`
      : `fd00:0:0:${number}::/${prefix === 5 ? 64 : 62}`;
  const events = [
    cidrAdded(1, family === 4 ? '10.0.0.0/16' : 'fd00::/48', null),
    cidrAdded(2, block(0, 5), 1),
    cidrAdded(3, block(1, 5), 1),
    cidrAdded(4, block(4, 4), 1),
    cidrAdded(5, block(4, 5), 4),
    cidrAdded(6, block(6, 5), 4),
    cidrAdded(7, block(9, 5), 1),
  ];
  const third: { [cidrId: number]: number } = { 1: 200, 2: 0, 3: 1, 4: 7, 5: 4, 6: 6, 7: 9 };
  const address = (cidrId: number, host: number): string =>
    family === 4 ? `10.0.${third[cidrId]}.${host}` : `fd00:0:0:${third[cidrId]}::${host.toString(16)}`;
  return { events, address };
};

const groundOf = (network: Network): Ground => {
  const ground = new Ground();
  ground.widen(network);
  return ground;
};

const drawn = (ground: Ground, size = SIZE): Icicle => icicleOf(ground.plots(), size);

const placesOf = (ground: Ground, network: Network, size = SIZE): Map<number, Rect> => {
  const icicle = drawn(ground, size);
  return new Map(
    [...network.peers()].map(({ id, cidrId, ip }) => {
      const slot = ground.slotOf(cidrId, ip) as number;
      return [id, cellOf(icicle.bedOf.get(cidrId) as never, slot)];
    }),
  );
};

const overlap = (one: Rect, other: Rect): boolean =>
  one.x + one.width > other.x + 1e-6 &&
  other.x + other.width > one.x + 1e-6 &&
  one.y + one.height > other.y + 1e-6 &&
  other.y + other.height > one.y + 1e-6;

const within = (inner: Rect, left: number, right: number): boolean =>
  inner.x >= left - 1e-6 && inner.x + inner.width <= right + 1e-6;

const hosts = fc.uniqueArray(
  fc.tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 7), fc.integer({ min: 1, max: 250 })),
  {
    maxLength: 120,
    selector: ([cidrId, host]) => cidrId * 1000 + host,
  },
);
const families = fc.constantFrom<4 | 6>(4, 6);
const sizes = fc.record({
  width: fc.integer({ min: 60, max: 2500 }),
  height: fc.integer({ min: 60, max: 1000 }),
});

it('each peer has a cell of its own within its block, in the order of addresses', () => {
  void fc.assert(
    fc.property(families, hosts, sizes, (family, chosen, size) => {
      const { events, address } = blocksOf(family);
      const peers = chosen.map(([cidrId, host], index) =>
        peerAdded(index + 1, cidrId, address(cidrId, host)),
      );
      const network = networkOf(events, peers);
      const ground = groundOf(network);
      const icicle = drawn(ground, size);
      for (const block of icicle.blocks) {
        const around = icicle.blocks.find(({ id }) => id === block.parentId);
        if (around) expect(within(block, around.x, around.x + around.width)).toBe(true);
        for (const other of icicle.blocks) expect(other !== block && overlap(block, other)).toBe(false);
      }
      for (const bed of icicle.beds)
        for (const other of icicle.beds) expect(other !== bed && overlap(bed, other)).toBe(false);
      const places = placesOf(ground, network, size);
      for (const { id, cidrId, ip } of network.peers()) {
        const cell = places.get(id) as Rect;
        const block = icicle.blockOf.get(cidrId) as Rect;
        const bed = icicle.bedOf.get(cidrId);
        expect(within(cell, block.x, block.x + block.width)).toBe(true);
        expect(cell.y).toBeGreaterThanOrEqual(bed?.y as number);
        expect(cell.y + cell.height).toBeLessThanOrEqual(icicle.base + 1e-6);
        const found = slotAt(icicle, cell.x + cell.width / 2, cell.y + cell.height / 2);
        const perCell = bed?.perCell as number;
        expect(found?.bed).toBe(bed);
        expect(found?.slot).toBe(Math.floor((ground.slotOf(cidrId, ip) as number) / perCell) * perCell);
      }
      for (const bed of icicle.beds) {
        const own = [...network.peersIn(bed.cidrId)].map((peer) => ground.slotOf(bed.cidrId, peer.ip));
        expect(new Set(own).size).toBe(own.length);
        for (const slot of own) expect(ground.addressAt(bed.cidrId, slot as number)).toBeDefined();
      }
    }),
  );
});

it('a newcomer behind the others moves nobody while its bed has room, and one who leaves never does', () => {
  void fc.assert(
    fc.property(families, hosts, fc.constantFrom(2, 3, 5, 6, 7), (family, chosen, cidrId) => {
      const { events, address } = blocksOf(family);
      const peers = chosen.map(([cidr, host], index) => peerAdded(index + 1, cidr, address(cidr, host)));
      const network = networkOf(events, peers);
      const ground = groundOf(network);
      const before = placesOf(ground, network);
      const inBed = chosen.filter(([cidr]) => cidr === cidrId).length;
      const hasRoom = capacityOf(inBed + 1) === capacityOf(inBed);

      network.evolve(peerAdded(999, cidrId, address(cidrId, 254)));
      ground.widen(network);
      const after = placesOf(ground, network);
      expect(after.size).toBe(before.size + 1);
      if (hasRoom) for (const [id, cell] of before) expect(after.get(id)).toEqual(cell);
      else
        for (const [id, cell] of before)
          expect(Math.abs((after.get(id)?.x ?? 0) - cell.x)).toBeLessThan(1200);

      for (const { id } of [...network.peers()].filter((_, index) => index % 2 === 0))
        network.evolve({ type: 'PeerDeleted', peerId: id } as NetworkEvent);
      network.evolve({ type: 'CidrDeleted', cidrId } as never);
      ground.widen(network);
      for (const [id, cell] of placesOf(ground, network)) expect(after.get(id)).toEqual(cell);
    }),
  );
});

it('of a hundred newcomers, five move those who are there', () => {
  const { events, address } = blocksOf(4);
  const network = networkOf(events, peerAdded(1, 2, address(2, 1)), peerAdded(2, 7, address(7, 1)));
  const ground = groundOf(network);
  let moves = 0;
  for (let host = 2; host <= 101; host += 1) {
    const before = placesOf(ground, network);
    network.evolve(peerAdded(host + 1, 2, address(2, host)));
    ground.widen(network);
    const after = placesOf(ground, network);
    if ([...before].some(([id, { x, y }]) => after.get(id)?.x !== x || after.get(id)?.y !== y)) moves += 1;
  }
  expect(moves).toBe(5);
});

it('once the ground has learnt the log, no moment of it moves anything', () => {
  const town = TOWNS[500]();
  const ground = groundOf(town.network);
  const events = town.commits.flatMap(({ events }) => events.map(({ type, ...data }) => ({ type, data })));
  const now = ground.version;
  ground.learn(events, 0);
  expect(ground.version).toBe(now);
  ground.learn(events, town.network.peerCount);
  expect(ground.version).toBeGreaterThan(now);
  const learnt = ground.version;
  const past = new Network();
  for (const { events } of town.commits) {
    past.advance(events, (past.position + events.length) as never);
    if (past.position % 50 === 0) ground.widen(past);
  }
  expect(past.position).toBeGreaterThan(500);
  expect(ground.version).toBe(learnt);
});

it('from names to dots to crowds: the cells of few are named, those of too many stand for several', () => {
  const bedOf = (count: number) => {
    const ground = new Ground();
    ground.addBlock({ id: 1 as CidrId, cidr: '10.0.0.0/8' as never, parentId: null });
    for (let at = 0; at < count; at += 1)
      ground.addAddress(1 as CidrId, `10.0.${at >> 8}.${at & 255}` as never);
    ground.settle();
    return drawn(ground, { width: 600, height: 300 }).beds[0];
  };
  expect(bedOf(8)).toMatchObject({ isNamed: true, perCell: 1 });
  expect(bedOf(500)).toMatchObject({ isNamed: false, perCell: 1 });
  expect(bedOf(10_000)).toMatchObject({ isNamed: false, perCell: 1 });
  expect(bedOf(40_000)?.perCell).toBeGreaterThan(1);
});

it('one block alone fills the picture', () => {
  const { network } = TOWNS[10]();
  const ground = groundOf(network);
  const machines = network.cidrNamed('machines')?.id as CidrId;
  const icicle = icicleOf(ground.plots(machines), SIZE);
  expect(icicle.blocks.map(({ id }) => network.cidr(id)?.name)).toEqual(['machines', 'printers', 'ci']);
  expect(icicle.blockOf.get(machines)).toMatchObject({ x: 0, y: 0, width: SIZE.width });
});
