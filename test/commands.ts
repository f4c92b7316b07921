// Random commands for any state of a network: mostly sensible ones, some made to be refused, some several at once.
import fc from 'fast-check';
import { isServersOwn } from '../src/domain/askers.ts';
import { Command } from '../src/domain/command.ts';
import type { Context } from '../src/domain/decision.ts';
import type { Network } from '../src/domain/network.ts';
import { ROOT_CIDR } from '../src/values/id.ts';
import { at, Dice, MINUTES } from './commands/dice.ts';
import { addPeer, create, sensible, several } from './commands/sensible.ts';
import { ends, FIRST_TRICKS, PROVOKED, redeems, TRICKS, type Trick } from './commands/tricks.ts';
import type { Asked } from './given.ts';

/** One throw of the dice: what `commandFor` makes of it depends on the network that it meets. */
export type Throw = { kind: number; mischief: number; picks: readonly number[]; wait: number };

/** Evenly thrown: fast-check's liking for small numbers would make some commands rare. */
export const throws: fc.Arbitrary<Throw> = fc.noBias(
  fc.record({
    kind: fc.nat(99),
    mischief: fc.nat(999),
    picks: fc.array(fc.nat(9999), { minLength: 8, maxLength: 8 }),
    wait: fc.nat(99),
  }),
);

export type Question = { command: Command; context: Context };

/** When the clock of every sequence starts: two hours before the tests' noon. */
const BEGIN = Date.parse('2026-11-22T10:00:00.000Z');

/** An admin if there is one and the dice say so, else somebody at the server's command line. */
const sensibleActor = (dice: Dice, asked: Asked): Context['actor'] => {
  const admin = dice.one(dice.network.admins());
  if (!admin || dice.number(2) === 0 || isServersOwn(asked.type)) {
    return dice.number(3) === 0 ? { kind: 'server' } : { kind: 'operator', uid: 0 };
  }
  return { kind: 'peer', peerId: admin.id };
};

/** A clock that a sequence of throws moves, and names and keys that are new each time. */
export class Questions {
  readonly #family: 4 | 6;
  #now = BEGIN;
  #serial = 0;

  constructor(family: 4 | 6) {
    this.#family = family;
  }

  /** The command that a throw means in this state of the network; always one. */
  next(network: Network, { kind, mischief, picks, wait }: Throw): Question {
    this.#serial += 1;
    this.#now += wait < 80 ? wait * 10 : (wait - 75) * MINUTES;
    const dice = this.#dice(network, picks);
    const found = this.#found(dice, kind, mischief) ?? {
      asked: addPeer(dice) ?? { type: 'ExpireInvitations' },
    };
    const actor = found.actor ?? sensibleActor(dice, found.asked);
    const isProved = found.isProved ?? found.actor === undefined;
    this.#now = Math.max(this.#now, found.now ?? 0);
    return { command: Command.parse(found.asked), context: { actor, now: at(this.#now), isProved } };
  }

  #found(dice: Dice, kind: number, mischief: number): ReturnType<Trick> {
    if (dice.network.cidr(ROOT_CIDR) === undefined && kind < 25) return { asked: create(dice) as Asked };
    if (dice.network.cidr(ROOT_CIDR) === undefined)
      return TRICKS[FIRST_TRICKS[mischief % FIRST_TRICKS.length] ?? 'NoNetwork'](dice);
    if (kind < 36) return TRICKS[PROVOKED[mischief % PROVOKED.length] ?? 'UnknownPeer'](dice);
    if (kind < 48) return redeems(dice);
    if (kind < 50) return ends(dice);
    const asked =
      kind < 60 ? several(dice, (network, index) => this.#later(network, dice, index)) : sensible(dice);
    return asked && { asked };
  }

  #dice(network: Network, picks: readonly number[]): Dice {
    return new Dice(network, this.#family, picks, this.#now, this.#serial);
  }

  /** Dice for one of several commands in one: other picks, names and keys. */
  #later(network: Network, dice: Dice, index: number): Dice {
    this.#serial += 1;
    return this.#dice(
      network,
      Array.from({ length: 8 }, () => dice.number(9973) * (index + 3)),
    );
  }
}
