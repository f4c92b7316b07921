/** The shape of a rule and of its answer. */
import type { Actor } from '../events/actor.ts';
import type { NetworkEvent } from '../events/schema.ts';
import type { Timestamp } from '../values/time.ts';
import type { CommandOf, CommandType } from './command.ts';
import type { Network } from './network.ts';
import type { Rejection } from './rejection.ts';

export type Context = {
  actor: Actor;
  now: Timestamp;
  /** The peer's request carries a proof by its key; the server's machine needs none. */
  isProved?: boolean;
};

export type Decision = { accepted: true; events: NetworkEvent[] } | { accepted: false; rejection: Rejection };

export type Rule<T extends CommandType> = (
  network: Network,
  command: CommandOf<T>,
  context: Context,
) => Decision;

export const accept = (...events: NetworkEvent[]): Decision => ({ accepted: true, events });

export const reject = (rejection: Rejection): Decision => ({ accepted: false, rejection });
