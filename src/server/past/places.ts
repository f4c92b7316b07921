/** Places in the log: a position or a time, and the network there. */
import { setImmediate } from 'node:timers/promises';
import { Network } from '../../domain/network.ts';
import type { Moment, Place } from '../../protocol/past.ts';
import { replay } from '../../store/follow.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import { NO_HASH, type Position } from '../../values/id.ts';
import { loadStored } from '../live/load-network.ts';
import type { RecordedTimes } from './recorded-times.ts';

/** So that no question delays other work. */
const COMMITS_PER_SLICE = 500;

const BEGINNING: Place = { position: 0, hash: NO_HASH, time: null };

const recordAt = async (log: EventLog, position: Position) => (await log.read(position - 1, 1))[0];

/** The end of the commit that contains a position. Throws `Failure` beyond the head. */
export const placeOf = async (log: EventLog, position: Position): Promise<Place> => {
  if (position === 0) return BEGINNING;
  const record = await recordAt(log, position);
  if (!record) {
    const head = await log.head();
    throw new Failure(`the log ends at position ${head.position}: there is no position ${position} yet`, {
      hint: 'where it ends is said by',
      verb: 'head',
    });
  }
  if (record.commitEnd > record.position) return placeOf(log, record.commitEnd);
  return { position, hash: record.hash, time: record.recordedAt };
};

/** Before the first record the network is empty. */
export const placeAt = async (log: EventLog, times: RecordedTimes, moment: Moment): Promise<Place> => {
  if (typeof moment === 'number') return placeOf(log, moment);
  const position = await times.lastAt(moment);
  return position === undefined ? BEGINNING : placeOf(log, position);
};

/** Takes a network on to a later position, in slices. */
export const advanceTo = async (log: EventLog, network: Network, position: Position): Promise<void> => {
  let taken = 0;
  await replay(
    log,
    network.position,
    ({ events, to }) => {
      network.advance(events, to);
      taken += 1;
      return taken % COMMITS_PER_SLICE === 0 ? setImmediate() : undefined;
    },
    position,
  );
};

/** The network at a place, from the last stored state before it. */
export const networkAt = async (log: EventLog, { position }: Pick<Place, 'position'>): Promise<Network> => {
  const network = position === 0 ? new Network() : await loadStored(log, position);
  await advanceTo(log, network, position);
  return network;
};
