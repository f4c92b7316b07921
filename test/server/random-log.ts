// A log that random commands have written, with the network as it was after each commit.
import { decide } from '../../src/domain/decide.ts';
import { Network } from '../../src/domain/network.ts';
import { actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { NewCommit } from '../../src/store/log.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import type { Position } from '../../src/values/id.ts';
import type { Start } from '../commands/starts.ts';
import { Questions, type Throw } from '../commands.ts';
import { append, commitOf, NOON, tempLog } from '../store/temp-log.ts';

export type RandomLog = {
  log: SqliteLog;
  /** All events, the n-th at position n + 1. */
  events: NetworkEvent[];
  /** As they were after each commit, by its position; oldest first. */
  networks: Map<Position, Network>;
};

export const randomLog = async (
  { events: first, family }: Start,
  dice: readonly Throw[],
): Promise<RandomLog> => {
  const network = new Network();
  const networks = new Map<Position, Network>();
  const events: NetworkEvent[] = [];
  const commits: NewCommit[] = [];
  const take = (more: readonly NetworkEvent[], how: Partial<NewCommit> = {}): void => {
    if (more.length === 0) return;
    events.push(...more);
    network.advance(more, events.length);
    networks.set(events.length, network.clone());
    commits.push({ ...commitOf(more), ...how });
  };
  take(first, { recordedAt: NOON });
  const questions = new Questions(family);
  for (const thrown of dice) {
    const { command, context } = questions.next(network, thrown);
    const decision = decide(network, command, context);
    const how = { actor: actorText(context.actor), recordedAt: context.now };
    if (decision.accepted) take(decision.events, how);
  }
  const log = await tempLog();
  if (commits.length > 0) await append(log, ...commits);
  return { log, events, networks };
};
