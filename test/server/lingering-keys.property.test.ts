// Any sequence of commits, with releases in between: the deltas keep a device as it should be, and no key lingers too long.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advanceWithChanges } from '../../src/domain/changes.ts';
import { decide } from '../../src/domain/decide.ts';
import { Network } from '../../src/domain/network.ts';
import { rightsAfter } from '../../src/domain/rights.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Step } from '../../src/server/live/step.ts';
import { configsOf, LingeringKeys } from '../../src/server/sessions/lingering-keys.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { PeerConfig } from '../../src/wireguard/device.ts';
import type { PeerDelta } from '../../src/wireguard/plan.ts';
import { type Start, starts } from '../commands/starts.ts';
import { Questions, type Throw, throws } from '../commands.ts';

/** `PROPERTY_RUNS=5000` runs longer, `PROPERTY_SEED=42` again what failed. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 60);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

type Entries = Map<PublicKey, string>;

const entriesOf = (configs: Iterable<PeerConfig>): Entries =>
  new Map(Array.from(configs, ({ publicKey, allowedIps }) => [publicKey, allowedIps.join()]));

/** As WireGuard takes it: removals first, and an address belongs to the key that had it last. */
const take = (device: Entries, { removed, changed }: PeerDelta): void => {
  for (const key of removed) device.delete(key);
  for (const { publicKey, allowedIps } of changed) {
    const ips = allowedIps.join();
    if (ips !== '') for (const [key, had] of device) if (had === ips) device.set(key, '');
    device.set(publicKey, ips);
  }
};

const lingered = new Set<string>();

const play = ({ events, family }: Start, dice: readonly [Throw, boolean][]): void => {
  const network = new Network();
  const lingering = new LingeringKeys();
  const device: Entries = new Map();
  const commit = (more: readonly NetworkEvent[]): void => {
    const changes = advanceWithChanges(network, more, network.position + more.length);
    const rights = rightsAfter(network, more, changes);
    const had = new Map(lingering.ids().map((id) => [id, lingering.of(id)]));
    for (const delta of lingering.follow({ changes, rights } as Step)) take(device, delta);
    for (const [id, { before, after }] of changes.peers)
      if (before?.publicKey === after?.publicKey && before?.isDisabled === after?.isDisabled)
        assert.equal(lingering.of(id), had.get(id)); // such as a new name
    for (const id of lingering.ids()) lingered.add(lingering.of(id)?.until ?? '');
    assert.deepEqual(device, entriesOf(Array.from(lingering.all(network), ([, config]) => config)));
  };
  commit(events);
  const questions = new Questions(family);
  for (const [thrown, isReleased] of dice) {
    const { command, context } = questions.next(network, thrown);
    const decision = decide(network, command, context);
    if (decision.accepted && decision.events.length > 0) commit(decision.events);
    if (!isReleased) continue;
    for (const id of lingering.ids()) take(device, lingering.release(id, network.peer(id)));
    assert.deepEqual(device, entriesOf([...network.peers()].flatMap((peer) => configsOf(peer))));
  }
};

it('the deltas lead to the device as it should be, and to the log’s own when nothing lingers', () => {
  const dice = fc.array(fc.tuple(throws, fc.boolean()), { minLength: 20, maxLength: 50 });
  fc.assert(fc.property(starts, dice, play), { numRuns, seed });
  expect([...lingered].sort()).toEqual(['answered', 'told']);
});
