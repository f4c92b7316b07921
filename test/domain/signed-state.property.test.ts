// What a signature stands on belongs to one thing: no event of another moves it, and its own events alone lead to it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import { Network } from '../../src/domain/network.ts';
import { stateHash, thingText } from '../../src/domain/signed-state.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { subjectOf, type Thing } from '../../src/events/subject.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import type { Hash } from '../../src/values/id.ts';
import { type Start, starts } from '../commands/starts.ts';
import { Questions, type Throw, throws } from '../commands.ts';

const runs = Number(process.env.PROPERTY_RUNS ?? 40);
const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

const networkId = 'ab'.repeat(32) as Hash;

const thingsOf = (network: Network): (Thing | undefined)[] => [
  undefined,
  ...Array.from(network.peers(), ({ id }): Thing => ({ kind: 'peer', id })),
  ...Array.from(network.cidrs(), ({ id }): Thing => ({ kind: 'cidr', id })),
  ...Array.from(network.associations(), ({ id }): Thing => ({ kind: 'association', id })),
  ...Array.from(network.routes(), ({ id }): Thing => ({ kind: 'route', id })),
];

/** Counted once each, so that only fields can differ. */
const stateOf = (network: Network, thing: Thing | undefined): Hash =>
  stateHash(network, { networkId, thing, count: 1 }, sha256);

const statesOf = (network: Network): Map<string, Hash> =>
  new Map(thingsOf(network).map((thing) => [thingText(thing), stateOf(network, thing)]));

const moved = new Set<string>();

/** Takes one event, and expects that it moved its subject alone. */
const take = (network: Network, event: NetworkEvent, position: number): void => {
  const before = statesOf(network);
  network.advance([event], position);
  const after = statesOf(network);
  const own = thingText(subjectOf(event));
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(name) === after.get(name)) continue;
    assert.equal(name, own, `${event.type} of ${own} moved ${name}`);
    moved.add(event.type);
  }
};

const play = (start: Start, dice: Throw[]): void => {
  const network = new Network();
  const questions = new Questions(start.family);
  const log: NetworkEvent[] = [];
  const tell = (events: readonly NetworkEvent[]): void => {
    for (const event of events) take(network, event, log.push(event));
  };
  tell(start.events);
  for (const thrown of dice) {
    const { command, context } = questions.next(network, thrown);
    const decision = decide(network, command, context);
    if (decision.accepted) tell(decision.events);
  }
  const subjects = new Map(log.map((event) => [thingText(subjectOf(event)), subjectOf(event)]));
  for (const [name, thing] of subjects) {
    const alone = new Network();
    for (const event of log) if (thingText(subjectOf(event)) === name) alone.evolve(event);
    assert.equal(stateOf(alone, thing), stateOf(network, thing), `${name}, known by its own events`);
  }
};

it('is moved by its own events alone, and known by them', { timeout: 60_000 + runs * 500 }, () => {
  fc.assert(fc.property(starts, fc.array(throws, { minLength: 30, maxLength: 50 }), play), {
    numRuns: runs,
    seed,
  });
  expect([...moved]).toEqual(
    expect.arrayContaining(['PeerAdded', 'PeerDisabled', 'CidrRenamed', 'AssociationLimited', 'ProofWaived']),
  );
});
