/** Checks the whole log while it is served: the chain, and the stored state against the events. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Network, type NetworkJson } from '../../domain/network.ts';
import type { EventRecord } from '../../events/record.ts';
import { wholeCommits } from '../../store/commit.ts';
import type { EventLog } from '../../store/log.ts';
import { DamagedLog, verifyChain } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';
import { loadStored } from './load-network.ts';

/** Some milliseconds. */
const MAX_PAGE_RECORDS = 100;

/** Between pages: the audit takes a small part of one processor. */
const PAUSE_MS = 10;

class Fold {
  readonly network = new Network();
  readonly #until: Position;
  #pending: EventRecord[] = [];

  constructor(until: Position) {
    this.#until = until;
  }

  take(records: readonly EventRecord[]): void {
    if (this.network.position >= this.#until) return;
    const { commits, rest } = wholeCommits([...this.#pending, ...records]);
    this.#pending = rest;
    for (const { events, to } of commits) if (to <= this.#until) this.network.advance(events, to);
  }
}

/** Independent of insertion order. */
const contentOf = (network: Network): string => {
  const json: NetworkJson = network.toJSON();
  const byId = <T extends { id: number }>(rows: T[]) => rows.toSorted((left, right) => left.id - right.id);
  const { peers, cidrs, associations, retiredIps, retiredKeys, ...rest } = json;
  return JSON.stringify({
    ...rest,
    peers: byId(peers).map((peer) => Object.entries(peer).toSorted()),
    cidrs: byId(cidrs),
    associations: byId(associations),
    retiredIps: retiredIps.toSorted(),
    retiredKeys: retiredKeys.toSorted(),
  });
};

/**
 * Resolves when all is well or the signal aborts. Throws `DamagedLog`, or `Failure` for a wrong stored state,
 * which is dropped: a restart is enough.
 */
export const audit = async (log: EventLog, signal: AbortSignal): Promise<void> => {
  const stored = await loadStored(log, Number.MAX_SAFE_INTEGER);
  const fold = new Fold(stored.position);
  const readable = {
    networkId: () => log.networkId(),
    read: async (after: Position, limit: number): Promise<EventRecord[]> => {
      await sleep(PAUSE_MS, undefined, { signal });
      return log.read(after, Math.min(limit, MAX_PAGE_RECORDS));
    },
  };
  try {
    await verifyChain(readable, 0, (records) => fold.take(records));
  } catch (error) {
    if (signal.aborted && !(error instanceof DamagedLog)) return;
    throw error;
  }
  if (contentOf(fold.network) === contentOf(stored)) return;
  await log.dropStates();
  throw new Failure('the stored state of the network is not what its log makes; it has been thrown away', {
    hint: 'start this program again: it makes the state from the log',
  });
};
