// One device kept as it is wanted: what goes to it, in which order, and when it is read or compared.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Device, DeviceState, PeerState, Step } from '../../src/wireguard/device.ts';
import { Reconciler, type Wanted } from '../../src/wireguard/reconciler.ts';
import { keyOf } from '../acme.ts';

const DISTANT = Number.POSITIVE_INFINITY;

const peerState = (owner: string): PeerState => ({
  publicKey: keyOf(owner),
  allowedIps: [],
  endpoint: undefined,
  keepalive: 0,
  latestHandshake: undefined,
  rxBytes: 0,
  txBytes: 0,
});

/** A device that is a map, takes a moment for each operation, and fails while it is told to. */
class MemoryDevice implements Device {
  readonly name = 'acme' as never;
  readonly backend = 'userspace';
  readonly peers = new Map<string, PeerState>();
  readonly operations: (readonly Step[])[] = [];
  reads = 0;
  isGone = false;

  async apply(steps: readonly Step[]): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (this.isGone) throw new Error('no such device');
    this.operations.push(steps);
    for (const step of steps) {
      if (step.kind === 'set')
        this.peers.set(step.publicKey, { ...peerState(''), publicKey: step.publicKey });
      if (step.kind === 'remove') this.peers.delete(step.publicKey);
    }
  }

  async read(): Promise<DeviceState> {
    this.reads += 1;
    if (this.isGone) throw new Error('no such device');
    return { publicKey: undefined, listenPort: 51_820, peers: new Map(this.peers) as never };
  }
}

const set = (owner: string): Step => ({ kind: 'set', publicKey: keyOf(owner) });
const remove = (owner: string): Step => ({ kind: 'remove', publicKey: keyOf(owner) });

let device: MemoryDevice;
let wantedOwners: string[];
let troubles: string[];
let kept: Reconciler;

/** Keeps the device at `wantedOwners`. */
const keep = (overrides: Partial<Wanted> = {}): Reconciler => {
  kept = new Reconciler(device, {
    open: async () => ({ device, state: await device.read() }),
    onRead: (state) => state,
    stepsToWanted: ({ peers }) => wantedOwners.filter((owner) => !peers.has(keyOf(owner))).map(set),
    stepsAfterLook: () => [],
    nextLookAt: () => DISTANT,
    peerCount: () => wantedOwners.length,
    repairAfterMs: 5000,
    onTrouble: (trouble, { message }) => troubles.push(`${trouble}: ${message}`),
    ...overrides,
  });
  return kept;
};
const passed = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
const started = async (overrides?: Partial<Wanted>): Promise<Reconciler> => {
  const comparison = keep(overrides).compare();
  await passed(10);
  await comparison;
  return kept;
};

beforeEach(() => {
  vi.useFakeTimers();
  device = new MemoryDevice();
  wantedOwners = ['ann'];
  troubles = [];
});
afterEach(async () => {
  const end = kept.close();
  await passed(20);
  await end;
  vi.useRealTimers();
});

describe('a comparison', () => {
  it('repairs each minute what somebody else changed', async () => {
    await started();
    device.peers.clear();
    await passed(59_000);
    expect(device.peers.size).toBe(0);
    await passed(1_100);
    expect([...device.peers.keys()]).toEqual([keyOf('ann')]);
  });

  it('says why it failed, and is tried again', async () => {
    await started();
    device.isGone = true;
    await passed(60_100);
    expect(troubles).toEqual(['comparison: no such device']);
    device.isGone = false;
    device.peers.clear();
    await passed(5_100);
    expect(device.peers.size).toBe(1);
  });

  it('goes on with the device that was made again', async () => {
    const again = new MemoryDevice();
    const reconciler = await started({ open: async () => ({ device: again, state: await again.read() }) });
    void reconciler.change(() => [set('bob')]);
    await passed(20);
    expect(again.peers.size).toBe(2);
    expect(device.operations).toEqual([]);
  });

  it('throws at the start what is wrong with the device, and no timer goes on', async () => {
    device.isGone = true;
    await expect(keep().compare()).rejects.toThrow('no such device');
    await passed(120_000);
    expect(device.reads).toBe(1);
  });
});

it('asks a device that is gone once in each time for a repair', async () => {
  await started({ nextLookAt: (lastReadAt) => lastReadAt + 1_000 });
  device.isGone = true;
  device.reads = 0;
  await passed(11_000);
  expect(device.reads).toBeGreaterThan(1);
  expect(device.reads).toBeLessThan(6);
});

describe('changes', () => {
  it('go to the device without reading it, those that wait as one operation and in their order', async () => {
    const reconciler = await started();
    device.operations.length = 0;
    const changes = [
      reconciler.take(() => device.apply([])),
      reconciler.change(() => [set('bob')]),
      reconciler.change(() => [remove('bob'), set('eve')]),
    ];
    await passed(30);
    await Promise.all(changes);
    expect(device.operations).toEqual([[], [set('bob'), remove('bob'), set('eve')]]);
    expect(device.reads).toBe(1);
  });

  it('are repaired by a comparison when they fail', async () => {
    const reconciler = await started();
    wantedOwners = ['ann', 'bob'];
    device.isGone = true;
    void reconciler.change(() => [set('bob')]);
    await passed(20);
    expect(troubles).toEqual(['change: no such device']);
    device.isGone = false;
    await passed(4_900);
    expect(device.peers.size).toBe(1);
    await passed(200);
    expect(device.peers.size).toBe(2);
  });
});

describe('a look', () => {
  it('happens when it is due, and its steps go to the device', async () => {
    let nextLookAt = performance.now() + 3_000;
    await started({
      nextLookAt: () => nextLookAt,
      stepsAfterLook: () => {
        nextLookAt = DISTANT;
        return [set('bob')];
      },
    });
    await passed(2_900);
    expect(device.reads).toBe(1);
    await passed(200);
    expect(device.reads).toBe(2);
    expect(device.peers.size).toBe(2);
  });

  it('happens twice a second at most where there are many peers', async () => {
    await started({ nextLookAt: (lastReadAt) => lastReadAt + 50, peerCount: () => 501 });
    await passed(10_000);
    expect(device.reads).toBeGreaterThan(15);
    expect(device.reads).toBeLessThan(22);
  });

  it('at a device that is gone leads to a comparison', async () => {
    await started({ nextLookAt: (lastReadAt) => lastReadAt + 1000 });
    device.isGone = true;
    await passed(7_000);
    expect(troubles[0]).toBe('comparison: no such device');
  });
});

it('ends with the last steps, and lets the device be', async () => {
  const reconciler = await started({ nextLookAt: (lastReadAt) => lastReadAt + 1000 });
  const end = reconciler.close(() => [remove('ann')]);
  await passed(20);
  await end;
  expect(device.peers.size).toBe(0);
  const { reads } = device;
  await passed(120_000);
  expect(device.reads).toBe(reads);
});
