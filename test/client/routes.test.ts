// Which router has a block: by rank, then the longest-standing tunnel, then the id; when it moves, and why it does not.
import { describe, expect, it } from 'vitest';
import { type BlockReport, type RouterState, Routes } from '../../src/client/tunnels/routes.ts';
import type { RouteRow } from '../../src/protocol/rows.ts';
import type { PeerId, RouteId } from '../../src/values/id.ts';
import { Cidr } from '../../src/values/ip.ts';
import { key } from './sight.ts';

const office = Cidr.parse('192.168.50.0/24');
const everywhere = Cidr.parse('0.0.0.0/0');

const route = (ranks: { [id: number]: number }, name = 'office', block = office, id = 1): RouteRow =>
  ({
    id: id as RouteId,
    name,
    blocks: [block],
    routers: Object.entries(ranks).map(([peer, rank]) => ({ id: Number(peer) as PeerId, rank })),
  }) as RouteRow;

/** Routers by their ids; each offers all blocks and is well unless told. */
class Scene {
  readonly #routes = new Routes();
  rows: RouteRow[] = [];
  routers = new Map<
    number,
    Partial<RouterState> & { why?: string; ready?: boolean; offersNothing?: boolean }
  >();
  held: string | undefined;
  exit: RouteId | undefined;
  #now = 0;

  decide(seconds = 0) {
    this.#now += seconds * 1000;
    return this.#routes.decide(
      {
        rows: this.rows,
        router: (id) => this.#router(id),
        held: () => this.held,
        exit: this.exit,
      },
      this.#now,
    );
  }

  owner(seconds = 0): number | undefined {
    const { by } = this.block(seconds);
    return by ?? undefined;
  }

  block(seconds = 0, at = 0): BlockReport {
    const report = this.decide(seconds).reports[at]?.blocks[0];
    if (!report) throw new Error('there is no such route');
    return report;
  }

  dueIn(): number {
    return (this.decide().nextDue - this.#now) / 1000;
  }

  #router(id: PeerId): RouterState | undefined {
    const known = this.routers.get(id);
    if (!known) return undefined;
    const offer = (block: Cidr) => ({
      block,
      ready: known.ready ?? true,
      ...(known.why ? { why: known.why } : {}),
    });
    const offers = known.offersNothing ? [] : this.rows.flatMap(({ blocks }) => blocks.map(offer));
    return { key: key(id), offers, since: known.since ?? 0, isSilent: known.isSilent ?? false };
  }
}

const scene = (ranks: { [id: number]: number }): Scene => {
  const made = new Scene();
  made.rows = [route(ranks)];
  for (const id of Object.keys(ranks)) made.routers.set(Number(id), {});
  return made;
};

describe('the owner of a block', () => {
  it('is the router of the least rank', () => {
    const ranked = scene({ 5: 1, 6: 0 });
    expect(ranked.block()).toMatchObject({ state: 'used', by: 6, standby: [5] });
    expect([...ranked.decide().owners]).toEqual([[office, key(6)]]);
  });

  it('is, of equal ranks, the one with the longest-standing tunnel, then the one with the least id', () => {
    const equal = scene({ 5: 0, 6: 0, 7: 0 });
    equal.routers.set(5, { since: 20 });
    equal.routers.set(6, { since: 10 });
    equal.routers.set(7, { since: 10 });
    expect(equal.owner()).toBe(6);
  });

  it('never moves between equal ranks, whichever tunnel is older', () => {
    const equal = scene({ 5: 0, 6: 0 });
    equal.routers.set(5, { since: 10 });
    equal.routers.set(6, { since: 20 });
    expect(equal.owner()).toBe(5);
    equal.routers.set(5, { since: 90 });
    expect(equal.owner(600)).toBe(5);
  });

  it('is what an earlier run left on the device, where it is as good', () => {
    const equal = scene({ 5: 0, 6: 0 });
    const routes = new Routes();
    routes.adopt(office, 6 as PeerId);
    const router = (id: PeerId): RouterState => ({
      key: key(id),
      offers: [{ block: office, ready: true }],
      since: 0,
      isSilent: false,
    });
    const facts = { rows: equal.rows, router, held: () => undefined, exit: undefined };
    expect(routes.decide(facts, 0).owners.get(office)).toBe(key(6));
  });
});

describe('failover', () => {
  it('goes to the next router at once where one is silent, or says that it is not ready', () => {
    const ranked = scene({ 5: 0, 6: 1, 7: 2 });
    expect(ranked.owner()).toBe(5);
    ranked.routers.set(5, { isSilent: true });
    expect(ranked.owner(1)).toBe(6);
    ranked.routers.set(6, { ready: false });
    expect(ranked.owner(1)).toBe(7);
  });

  it('returns to a lesser rank after 60 s of health, and not before', () => {
    const ranked = scene({ 5: 0, 6: 1 });
    expect(ranked.owner()).toBe(5);
    ranked.routers.set(5, { isSilent: true });
    expect(ranked.owner(1)).toBe(6);
    ranked.routers.set(5, {});
    expect(ranked.owner(1)).toBe(6);
    expect(ranked.dueIn()).toBe(60);
    expect(ranked.owner(59)).toBe(6);
    ranked.routers.set(5, { ready: false });
    expect(ranked.owner(0.5)).toBe(6);
    ranked.routers.set(5, {});
    expect(ranked.owner(0.5)).toBe(6);
    expect(ranked.owner(59)).toBe(6);
    expect(ranked.owner(1)).toBe(5);
  });

  it('follows a rank that an admin changes at once', () => {
    const ranked = scene({ 5: 0, 6: 1 });
    expect(ranked.owner()).toBe(5);
    ranked.rows = [route({ 5: 2, 6: 1 })];
    expect(ranked.owner(1)).toBe(6);
  });

  it('keeps a silent router where no other is ready: traffic alone shows that it is back', () => {
    const alone = scene({ 5: 0, 6: 1 });
    expect(alone.owner()).toBe(5);
    alone.routers.set(5, { isSilent: true });
    alone.routers.set(6, { ready: false });
    expect(alone.owner(1)).toBe(5);
  });

  it('leaves the block to nobody where no router is ready, and says the word of the first', () => {
    const none = scene({ 5: 0, 6: 1 });
    none.routers.set(5, { ready: false, why: 'its eth1 is down' });
    none.routers.set(6, { ready: false });
    expect(none.block()).toMatchObject({ state: 'notReady', about: [5], reason: 'its eth1 is down' });
    const { owners, taken } = none.decide();
    expect([owners.size, taken]).toEqual([0, [office]]);
  });
});

describe('a block', () => {
  it('waits, and is not taken, until a router offers it', () => {
    const waiting = scene({ 5: 0 });
    waiting.routers.set(5, { offersNothing: true });
    expect(waiting.block()).toMatchObject({ state: 'waits', about: [5] });
    expect(waiting.decide().taken).toEqual([]);
  });

  it('has no router where none has a tunnel here', () => {
    const unrouted = scene({ 5: 0 });
    unrouted.routers.clear();
    expect(unrouted.block().state).toBe('unrouted');
  });

  it('is held with the reason, and goes to nobody', () => {
    const held = scene({ 5: 0 });
    held.held = 'eth0 is in it';
    expect(held.block()).toMatchObject({ state: 'held', reason: 'eth0 is in it', by: null });
    expect([held.decide().owners.size, held.decide().taken]).toEqual([0, []]);
  });

  it('of two routes goes to the older one', () => {
    const twice = scene({ 5: 0 });
    twice.routers.set(6, {});
    twice.rows = [route({ 6: 0 }, 'other', office, 2), route({ 5: 0 })];
    expect(twice.block()).toMatchObject({ state: 'used', by: 5 });
    expect(twice.block(0, 1)).toMatchObject({ state: 'held', reason: 'the route office has it' });
  });
});

describe('an exit', () => {
  const exits = (): Scene => {
    const made = scene({ 5: 0 });
    made.rows = [route({ 5: 0 }, 'berlin', everywhere, 3)];
    return made;
  };

  it('is used by this machine’s own word alone', () => {
    const berlin = exits();
    expect(berlin.block().state).toBe('off');
    expect(berlin.decide().owners.size).toBe(0);
    berlin.exit = 3 as RouteId;
    expect(berlin.block()).toMatchObject({ state: 'used', by: 5 });
  });

  it('stays taken without any router: its packets go nowhere else', () => {
    const berlin = exits();
    berlin.exit = 3 as RouteId;
    berlin.routers.clear();
    expect(berlin.decide()).toMatchObject({ taken: [everywhere] });
    berlin.routers.set(5, { offersNothing: true });
    expect(berlin.decide()).toMatchObject({ taken: [everywhere] });
  });
});
