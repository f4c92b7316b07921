// Undoing after any sequence of commands: what is planned is accepted, and without obstacles it is as it was.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import type { Context } from '../../src/domain/decision.ts';
import type { Network } from '../../src/domain/network.ts';
import { planReturn } from '../../src/domain/return-plan.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, acme6 } from '../acme.ts';
import { Questions, type Throw, throws } from '../commands.ts';
import { networkOf } from '../given.ts';

/** A network as it looks, whatever numbers its CIDRs and associations have. */
const looks = (network: Network): unknown => {
  const block = (id: Parameters<Network['cidr']>[0]): string => network.cidr(id)?.cidr ?? String(id);
  return {
    isProofRequired: network.isProofRequired,
    cidrs: Array.from(
      network.cidrs(),
      ({ cidr, name, isIsolated }) => `${cidr} ${name} ${isIsolated}`,
    ).sort(),
    associations: Array.from(network.associations(), ({ cidrIds, allow }) => {
      const openings = allow?.map(({ from, ...what }) => JSON.stringify([block(from), what]));
      return `${cidrIds.map(block).sort().join()} ${openings?.join()}`;
    }).sort(),
    routes: Array.from(network.routes(), ({ name, blocks, routers, openTo }) => {
      const carried = routers.map(({ peerId, cidrId, rank, keepSource }) =>
        [peerId ?? (cidrId && block(cidrId)), rank, keepSource].join(' '),
      );
      return [name, blocks.join(), carried.sort().join(), openTo.map(block).sort().join()].join('; ');
    }).sort(),
    peers: Array.from(
      network.peers(),
      ({ id, name, ip, cidrId, publicKey, isAdmin, isDisabled, ...more }) => {
        const { endpoint, isProofWaived, relayPort, relayEndpoint, isStandby } = more;
        const set = [endpoint, isProofWaived, relayPort, relayEndpoint, isStandby];
        return [id, name, ip, block(cidrId), publicKey, isAdmin, isDisabled, ...set].join(' ');
      },
    ).sort(),
  };
};

const take = (network: Network, events: readonly NetworkEvent[]): void =>
  network.advance(events, network.position + events.length);

/** Asks one thing after another; gives the events of each commit. */
const live = (network: Network, questions: Questions, thrown: readonly Throw[]): NetworkEvent[][] =>
  thrown.flatMap((each) => {
    const { command, context } = questions.next(network, each);
    const decision = decide(network, command, context);
    if (!decision.accepted || decision.events.length === 0) return [];
    take(network, decision.events);
    return [decision.events];
  });

const context: Context = {
  actor: { kind: 'operator', uid: 0 },
  now: '2026-11-22T10:00:00.000Z' as Timestamp,
};

/** Carries a plan out as one commit. */
const carryOut = (now: Network, plan: ReturnType<typeof planReturn>): void => {
  const [first, ...more] = plan.commands;
  if (!first) return;
  const decision = decide(now, { type: 'AllOf', commands: [first, ...more] as never }, context);
  expect(decision).toMatchObject({ accepted: true });
  if (decision.accepted) take(now, decision.events);
};

const counted = { planned: 0, clean: 0 };

it.each([acme, acme6])('back to an earlier state, IPv$family', ({ network, family }) => {
  fc.assert(
    fc.property(fc.array(throws, { minLength: 3, maxLength: 30 }), fc.nat(), (thrown, cut) => {
      const now = networkOf(...network);
      const questions = new Questions(family);
      const at = cut % thrown.length;
      live(now, questions, thrown.slice(0, at));
      const want = now.clone();
      live(now, questions, thrown.slice(at));
      const plan = planReturn({ want, made: now.clone(), now }, context);
      carryOut(now, plan);
      counted.planned += 1;
      if (plan.obstacles.length > 0) return;
      counted.clean += 1;
      expect(looks(now)).toEqual(looks(want));
    }),
    { numRuns: 200 },
  );
});

it.each([acme, acme6])('the last commit, and then that again, IPv$family', ({ network, family }) => {
  fc.assert(
    fc.property(fc.array(throws, { minLength: 3, maxLength: 12 }), (thrown) => {
      const now = networkOf(...network);
      const commits = live(now, new Questions(family), thrown);
      const last = commits.pop();
      if (!last) return;
      const want = networkOf(...network);
      for (const events of commits) take(want, events);
      const made = now.clone();
      const plan = planReturn({ want, made, now }, context);
      carryOut(now, plan);
      counted.planned += 1;
      if (plan.obstacles.length > 0) return;
      counted.clean += 1;
      expect(looks(now)).toEqual(looks(want));
      const again = planReturn({ want: made, made: now.clone(), now }, context);
      carryOut(now, again);
      if (again.obstacles.length === 0) expect(looks(now)).toEqual(looks(made));
    }),
    { numRuns: 200 },
  );
});

it('enough of them could be undone without a rest', () => {
  console.log(`undo: ${counted.clean} of ${counted.planned} plans without obstacles`);
  expect(counted.clean / counted.planned).toBeGreaterThan(0.2);
});
