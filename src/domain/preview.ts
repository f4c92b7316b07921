/** A command's effect without executing it: events in words, and sight gained or lost. */
import type { NetworkEvent } from '../events/schema.ts';
import type { Command } from './command.ts';
import { decide } from './decide.ts';
import type { Context } from './decision.ts';
import type { Network } from './network.ts';
import { type ReachDifference, reachDifference } from './reach.ts';
import { Rejected } from './rejection.ts';
import { sentenceOf, wordsOf } from './sentences.ts';

export type Preview = {
  events: NetworkEvent[];
  /** One for each event, without actor; times are ISO 8601, UTC. */
  sentences: string[];
  reach: ReachDifference;
};

/** The effect of events on a network, which stays unchanged. */
export const foretell = (network: Network, events: readonly NetworkEvent[]): Preview => {
  const draft = network.draft();
  const sentences: string[] = [];
  for (const event of events) {
    sentences.push(sentenceOf(event, wordsOf(draft)));
    draft.evolve(event);
  }
  return { events: [...events], sentences, reach: reachDifference(network, draft) };
};

/** Decides without changing the network. Throws `Rejected`. */
export const preview = (network: Network, command: Command, context: Context): Preview => {
  const decision = decide(network, command, context);
  if (!decision.accepted) throw new Rejected(decision.rejection);
  return foretell(network, decision.events);
};
