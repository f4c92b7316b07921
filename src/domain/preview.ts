/** What a command would do, without doing it: its events, each in words, and who would gain or lose sight of whom. */
import type { NetworkEvent } from '../events/schema.ts';
import type { AssociationId } from '../values/id.ts';
import type { Command } from './command.ts';
import { decide } from './decide.ts';
import type { Context } from './decision.ts';
import { nameText } from './name-text.ts';
import type { Network } from './network.ts';
import { type ReachDifference, reachDifference } from './reach.ts';
import { Rejected } from './rejection.ts';
import { sentenceOf, type Words } from './sentences.ts';

export type Preview = {
  events: NetworkEvent[];
  /** One for each event, without who does it; moments in them are ISO 8601, UTC. */
  sentences: string[];
  reach: ReachDifference;
};

/** Names as a network has them now. */
const wordsOf = (network: Network): Words => {
  const cidr = (id: Parameters<Words['cidr']>[0]): string => {
    const node = network.cidr(id);
    return node ? nameText(node.name) : String(id);
  };
  return {
    peer: (id) => {
      const peer = network.peer(id);
      return peer ? nameText(peer.name) : String(id);
    },
    cidr,
    association: (id: AssociationId) =>
      network.association(id)?.cidrIds.map(cidr).join(' and ') ?? `CIDRs (${id})`,
    time: (time) => time,
  };
};

/** What events would do to a network, which is left as it is. */
export const foretell = (network: Network, events: readonly NetworkEvent[]): Preview => {
  const draft = network.draft();
  const sentences: string[] = [];
  for (const event of events) {
    sentences.push(sentenceOf(event, wordsOf(draft)));
    draft.evolve(event);
  }
  return { events: [...events], sentences, reach: reachDifference(network, draft) };
};

/** Decides on a network and leaves it as it is. Throws `Rejected`. */
export const preview = (network: Network, command: Command, context: Context): Preview => {
  const decision = decide(network, command, context);
  if (!decision.accepted) throw new Rejected(decision.rejection);
  return foretell(network, decision.events);
};
