/** From a record's type and body to the event that today's code knows; unknown types stop the program. */
import type { EventRecord } from './record.ts';
import { EVENT_TYPES, type EventType, type NetworkEvent } from './schema.ts';

const KNOWN = new Set<string>(EVENT_TYPES);

/** The log holds an event type that this program is too old for. */
export class UnknownEventType extends Error {
  readonly type: string;
  readonly position: number;

  constructor(type: string, position: number) {
    super(
      `the log holds an event of type "${type}" at position ${position}, which this version does not know`,
    );
    this.type = type;
    this.position = position;
  }
}

/**
 * The event of a record. The body is trusted as written (the chain seals it); `NetworkEvent.parse` is for
 * what comes from elsewhere. Throws `UnknownEventType`.
 */
export const eventOf = (record: Pick<EventRecord, 'type' | 'body' | 'position'>): NetworkEvent => {
  if (!KNOWN.has(record.type)) throw new UnknownEventType(record.type, record.position);
  return { type: record.type as EventType, ...JSON.parse(record.body) } as NetworkEvent;
};
