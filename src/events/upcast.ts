/** Turns a record's type and body into an event of today's code; throws on unknown types. */
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

type Sealed = Pick<EventRecord, 'type' | 'body' | 'position'>;

/**
 * The event of a record. Trusts the body, which the chain seals; foreign input needs `NetworkEvent.parse`.
 * Throws `UnknownEventType`.
 */
export const eventOf = (record: Sealed): NetworkEvent =>
  ({ type: record.type as EventType, ...dataOf(record) }) as NetworkEvent;

/** A record's event without its type; cheaper for many. Throws `UnknownEventType`. */
export const dataOf = ({ type, body, position }: Sealed): Record<string, unknown> => {
  if (!KNOWN.has(type)) throw new UnknownEventType(type, position);
  return JSON.parse(body);
};
