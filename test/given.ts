// The words of the rules' tests: given(what happened).when(what is asked).emits(what follows) or .refuses(why not).
import { expect } from 'vitest';
import { Command } from '../src/domain/command.ts';
import { decide } from '../src/domain/decide.ts';
import type { Context } from '../src/domain/decision.ts';
import { Network } from '../src/domain/network.ts';
import { explain, type Rejection } from '../src/domain/rejection.ts';
import { bodyText } from '../src/events/record.ts';
import { NetworkEvent } from '../src/events/schema.ts';
import { eventOf } from '../src/events/upcast.ts';
import type { Timestamp } from '../src/values/time.ts';

/** A command as a person would write it: texts that `Command.parse` turns into values. */
export type Asked<C = Command> = C extends Command
  ? { [K in keyof C]: unknown } & { type: C['type'] }
  : never;

/** One event, or several that belong together, such as an invitation and its redemption. */
export type History = readonly (NetworkEvent | readonly NetworkEvent[])[];

/** When things are asked, unless a test says otherwise. */
export const NOON = '2026-11-22T12:00:00.000Z' as Timestamp;
export const BEFORE_NOON = '2026-11-22T11:59:59.999Z' as Timestamp;
export const AFTER_NOON = '2026-11-22T12:00:00.001Z' as Timestamp;

const operator: Context = { actor: { kind: 'operator', uid: 0 }, now: NOON };

export type Expected = {
  emits: (...events: NetworkEvent[]) => void;
  emitsNothing: () => void;
  refuses: (rejection: Rejection) => void;
};

/** The network that these events make. */
export const networkOf = (...history: History): Network => {
  const network = new Network();
  const events = history.flat();
  network.advance(events, events.length);
  return network;
};

/** What a command comes to, having shown that the question itself changed nothing. */
const ask = (network: Network, asked: Asked, context: Partial<Context>) => {
  const before = JSON.stringify(network);
  const command = Command.parse(asked);
  const decision = decide(network, command, { ...operator, ...context });
  expect(JSON.stringify(network)).toBe(before);
  return decision;
};

/** Every event that a rule makes is one that the log takes, and reads back unchanged. */
const expectRecordable = (event: NetworkEvent): void => {
  expect(NetworkEvent.parse(event)).toEqual(event);
  expect(eventOf({ type: event.type, body: bodyText(event), position: 1 })).toEqual(event);
};

export const given = (...history: History) => ({
  /** Asked by somebody at the server's command line at noon, unless `context` says otherwise. */
  when: (asked: Asked, context: Partial<Context> = {}): Expected => {
    const decision = ask(networkOf(...history), asked, context);
    const emits = (...events: NetworkEvent[]): void => {
      expect(decision).toEqual({ accepted: true, events });
      events.forEach(expectRecordable);
    };
    return {
      emits,
      emitsNothing: () => emits(),
      refuses: (rejection) => {
        expect(decision).toEqual({ accepted: false, rejection });
        expect(explain(rejection).sentence).toMatch(/^\S.*[^.]$/);
      },
    };
  },
});
