// The window: what it says of any stretch is what the steps in it said, and it slides.
import { describe, expect, it } from 'vitest';
import { advanceWithChanges, classDeltas, movesOf } from '../../src/domain/changes.ts';
import { Network } from '../../src/domain/network.ts';
import { rightsAfter } from '../../src/domain/rights.ts';
import type { EventRecord } from '../../src/events/record.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Step } from '../../src/server/live/step.ts';
import { WINDOW_RECORDS, Window } from '../../src/server/live/window.ts';
import type { Hash, PeerId, Position } from '../../src/values/id.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme, associated, ids, peerId } from '../acme.ts';
import { oldView } from '../invariants.ts';

const hash = (position: Position): Hash => `${position}`.padStart(64, 'a') as Hash;
const digest = (position: Position): Hash => `${position}`.padStart(64, 'd') as Hash;

/** A network whose commits go into a window, without a log. */
class Past {
  readonly network = new Network();
  readonly window = new Window(0, NO_HASH);

  add(...events: NetworkEvent[]): this {
    const from = this.network.position;
    const to = from + events.length;
    const changes = advanceWithChanges(this.network, events, to);
    const records = events.map((_, index) => {
      const position = from + index + 1;
      return { position, hash: hash(position), digest: digest(position) } as EventRecord;
    });
    const rights = rightsAfter(this.network, events, changes);
    const commit = { from, to, records, events } as unknown as Step['commit'];
    const moves = movesOf(this.network, changes);
    this.window.add({ commit, changes, deltas: classDeltas(this.network, changes), moves, rights });
    return this;
  }
}

const rename = (name: string, id: PeerId = ids.bob): NetworkEvent => ({
  type: 'PeerRenamed',
  peerId: id,
  name,
});

describe('what was touched', () => {
  it('is what changed for those peers, and between which positions', () => {
    const past = new Past().add(...acme.network);
    const start = past.network.position;
    past.add(rename('leo', ids.ryo)).add(rename('rob'), rename('bert')).add(rename('ry', ids.ryo));
    const touched = {
      from: start + 1,
      to: start + 3,
      peers: new Set([ids.bob]),
      cidrs: new Set(),
      limits: new Set(),
      routes: new Set(),
    };
    expect(past.window.touched(oldView(ids.bakers), start)).toEqual(touched);
    expect(past.window.touched(oldView(ids.bakers), start + 1)).toEqual(touched);
    expect(past.window.touched(oldView(ids.bakers), start + 2)).toEqual({ ...touched, from: start + 2 });
    expect(past.window.touched(oldView(ids.bakers), start + 3)).toBeUndefined();
    expect(past.window.touched(oldView(ids.machines), start)).toBeUndefined();
  });

  it('includes who came into sight and who left it', () => {
    const past = new Past().add(...acme.network);
    const start = past.network.position;
    past.add(associated(ids.bakers, ids.machines));
    past.add({
      type: 'AssociationDeleted',
      associationId: associated(ids.bakers, ids.machines).associationId,
    });
    for (const after of [start, start + 1]) {
      expect(past.window.touched(oldView(ids.bakers), after)).toMatchObject({ peers: new Set([ids.oven]) });
    }
  });

  it('is, of CIDRs, the same for all', () => {
    const past = new Past().add(...acme.network);
    const start = past.network.position;
    past.add({ type: 'CidrRenamed', cidrId: ids.humans, name: 'people' });
    expect(past.window.touched(oldView(ids.machines), start)).toEqual({
      from: start,
      to: start + 1,
      peers: new Set(),
      cidrs: new Set([ids.humans]),
      limits: new Set(),
      routes: new Set(),
    });
  });

  it('is too much for a frame, in one commit or in many', () => {
    const machine = (index: number): NetworkEvent => ({
      type: 'PeerAdded',
      peerId: peerId(100 + index),
      name: `machine-${index}`,
      ip: acme.at('machines', 1),
      cidrId: ids.machines,
      publicKey: `${index}` as never,
      isAdmin: false,
      inviteExpires: null,
      redeemed: true,
    });
    const many = Array.from({ length: 600 }, (_, index) => machine(index));
    const atOnce = new Past().add(...acme.network);
    const start = atOnce.network.position;
    atOnce.add(...many).add(rename('rob'));
    expect(atOnce.window.touched(oldView(ids.machines), start)).toBe('many');
    expect(atOnce.window.touched(oldView(ids.bakers), start)).toMatchObject({ peers: new Set([ids.bob]) });
    const oneByOne = new Past().add(...acme.network);
    for (const event of many) oneByOne.add(event);
    expect(oneByOne.window.touched(oldView(ids.machines), start)).toBe('many');
    expect(oneByOne.window.touched(oldView(ids.machines), start + 100)).toMatchObject({
      from: start + 100,
      to: start + 600,
    });
  });
});

it('slides, and knows every link within it', () => {
  const past = new Past().add(...acme.network);
  for (let count = 0; count < 3 * WINDOW_RECORDS; count++) past.add(rename(`rob-${count}`));
  const { window, network } = past;
  const end = network.position;
  expect(window.start).toBe(end - WINDOW_RECORDS);
  expect(window.hashAt(window.start - 1)).toBeUndefined();
  for (let position = window.start; position <= end; position += 97) {
    expect(window.hashAt(position)).toBe(hash(position));
    expect(window.digests(position, Math.min(end, position + 2))).toEqual(
      [position + 1, position + 2].filter((at) => at <= end).map(digest),
    );
  }
  expect(window.hashAt(end + 1)).toBeUndefined();
  expect(window.touched(oldView(ids.bakers), window.start)).toMatchObject({ from: window.start, to: end });
});
