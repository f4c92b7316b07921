/** Why two peers can or cannot talk, according to the log. */
import type { Placed } from '../../domain/pair-story.ts';
import { type Why, whyOf } from '../../domain/why.ts';
import type { EventRecord } from '../../events/record.ts';
import { eventOf } from '../../events/upcast.ts';
import type { AnswerTo, Place, Told } from '../../protocol/past.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId } from '../../values/id.ts';
import type { Allow } from '../../values/opening.ts';
import type { Timestamp } from '../../values/time.ts';
import { briefOf } from './rehearsal.ts';

export class Pairs {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** Throws `Failure`: the same peer twice, or one not yet there. */
  judge(ids: readonly [PeerId, PeerId], { position }: Place, time: Timestamp): Why {
    if (ids[0] === ids[1])
      throw new Failure('a peer can always talk to itself', { hint: 'name two peers', verb: 'list-peers' });
    const records = this.#log.queries.recordsOfPair(ids, position);
    const events = records.map((record): Placed => ({ position: record.position, event: eventOf(record) }));
    const why = whyOf(ids, events, time);
    if (!why) throw new Failure('one of them was not there yet', { hint: 'ask about a later moment' });
    return why;
  }

  async recordsOf({ reasons, turnedAt }: Why): Promise<EventRecord[]> {
    const positions = new Set(reasons.flatMap((reason) => reason.positions));
    if (turnedAt !== undefined) positions.add(turnedAt);
    const records: EventRecord[] = [];
    for (const position of positions) records.push(...(await this.#log.read(position - 1, 1)));
    return records;
  }

  /** `told`: the events that the asker may see. */
  answer(why: Why, place: Place, told: readonly Told[]): AnswerTo<'why'> {
    const at = new Map(told.map((one) => [one.position, one]));
    const judged = (index: 0 | 1) => ({
      ...briefOf(why.peers[index]),
      cidr: why.homes[index]?.name ?? null,
    });
    return {
      visible: why.visible,
      at: place,
      peers: [judged(0), judged(1)],
      sight: why.sight,
      openings: [inJson(why.openings[0]), inJson(why.openings[1])],
      reasons: why.reasons.map(({ positions, ...reason }) => ({
        ...reason,
        events: positions.flatMap((position) => at.get(position) ?? []),
      })),
      since: (why.turnedAt !== undefined && at.get(why.turnedAt)) || null,
    };
  }
}

const inJson = (openings: Why['openings'][0]): 'all' | Allow[] | null => openings ?? null;
