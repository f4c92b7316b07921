// Whom a relay on a peer's machine serves, as the server's frames tell it.
import { describe, expect, it } from 'vitest';
import { Served } from '../../src/client/relay/served.ts';
import type { RelayDuty, ServedPeer } from '../../src/protocol/frames.ts';
import type { PeerId } from '../../src/values/id.ts';
import { key } from './sight.ts';

const [humans, machines] = [2, 3];
const [ann, bob, press] = [11 as PeerId, 12 as PeerId, 13 as PeerId];

const peer = (id: PeerId, group: number): ServedPeer => ({
  ...{ id, key: key(id), mailbox: key(100 + id), group, host: null, openAt: null },
});
const duty = (more: Partial<RelayDuty>): RelayDuty => ({
  ...{ kind: 'relay', port: 51821, isFirst: false, isLast: true },
  ...{ changed: [], removed: [], seen: [], unseen: [] },
  ...more,
});
const ids = (served: Served): PeerId[] => Array.from(served.peers(), ({ id }) => id);

const three = (): Served => {
  const served = new Served();
  const changed = [peer(ann, humans), peer(bob, humans), peer(press, machines)];
  served.take(duty({ isFirst: true, changed, seen: [[humans, humans]] }));
  return served;
};

describe('the served pairs', () => {
  it('are those of CIDRs that see each other, in both directions', () => {
    const served = three();
    expect(ids(served)).toEqual([ann, bob, press]);
    expect([served.sees(ann, bob), served.sees(ann, press), served.sees(press, ann)]).toEqual([
      true,
      false,
      false,
    ]);
    served.take(duty({ seen: [[machines, humans]] }));
    expect([served.sees(ann, press), served.sees(press, ann)]).toEqual([true, true]);
    served.take(duty({ unseen: [[humans, machines]] }));
    expect(served.sees(ann, press)).toBe(false);
  });

  it('change with the last of several frames, all at once', () => {
    const served = three();
    expect(served.take(duty({ isLast: false, removed: [bob] }))).toBe(false);
    expect(served.take(duty({ isLast: false, unseen: [[humans, humans]] }))).toBe(false);
    expect([ids(served), served.sees(ann, bob)]).toEqual([[ann, bob, press], true]);
    expect(served.take(duty({ removed: [press] }))).toBe(true);
    expect([ids(served), served.sees(ann, bob)]).toEqual([[ann], false]);
  });

  it('are forgotten when a stream begins, unless it names them again', () => {
    const served = three();
    served.take(duty({ isFirst: true, changed: [peer(bob, humans)] }));
    expect(ids(served)).toEqual([bob]);
    expect(served.sees(bob, bob)).toBe(false);
  });

  it('are the same in a later run', () => {
    const { peers, sights } = three().all;
    const later = new Served();
    later.restore(peers, sights);
    expect(later.all).toEqual(three().all);
  });
});
