/** Formats events and times for people: local or UTC, coloured by kind on a terminal. */
import { opensLines, turnedLines } from '../domain/opens-text.ts';
import { printable } from '../domain/rejection.ts';
import { BEARING, type Bearing } from '../events/bearing.ts';
import type { EventType } from '../events/schema.ts';
import type { PeerBrief, Place, Reach, Told } from '../protocol/past.ts';
import { paint, type Style } from './print.ts';

const two = (value: number): string => String(value).padStart(2, '0');

export class Clock {
  readonly #utc: boolean;
  /** Consecutive events often share a second. */
  #last = { second: '', text: '' };

  constructor({ utc = false }: { utc?: boolean | undefined }) {
    this.#utc = utc;
  }

  /** `2026-11-22 13:09:00`, in UTC with a Z. `time` is ISO 8601, UTC. */
  second(time: string): string {
    const second = time.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
    if (second !== this.#last.second) this.#last = { second, text: this.#written(time) };
    return this.#last.text;
  }

  #written(time: string): string {
    const at = new Date(time);
    if (this.#utc) return `${at.toISOString().slice(0, 19).replace('T', ' ')}Z`;
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }

  /** `2026-11-22 13:09`. */
  minute(time: string): string {
    return this.second(time).replace(/:\d\d(Z?)$/, '$1');
  }

  /** `text` has times in ISO 8601, UTC. */
  sentence(text: string): string {
    if (!text.includes('Z')) return text;
    return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, (time) => this.minute(time));
  }
}

const COLOURS: { [B in Bearing]: Style } = { widens: 'green', narrows: 'red', neither: 'yellow' };

/** A newer server may send unknown types. */
const styleOf = (type: string): Style | undefined =>
  Object.hasOwn(BEARING, type) ? COLOURS[BEARING[type as EventType]] : undefined;

/** `    23  2026-11-22 13:09:00  ann disabled peer bob`. */
export const lineOf = ({ position, recordedAt, type, sentence }: Told, clock: Clock): string => {
  const style = styleOf(type);
  const said = printable(clock.sentence(sentence));
  const when = paint('dim', `${String(position).padStart(6)}  ${clock.second(recordedAt)}`);
  return `${when}  ${style ? paint(style, said) : said}`;
};

/** `position 23 (2026-11-22 13:09)`. */
export const placeText = ({ position, time }: Place, clock: Clock): string =>
  time === null
    ? `position ${position} (before the first event)`
    : `position ${position} (${clock.minute(time)})`;

/** Per line; --json has all. */
const MAX_NAMES = 8;

const namesOf = (peers: readonly PeerBrief[]): string => {
  const names = peers.slice(0, MAX_NAMES).map(({ name }) => printable(name));
  const more = peers.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
};

const groupLines = (groups: Reach['gained'], sign: string): string[] =>
  groups.flatMap(({ peers, others, opens }) =>
    opensLines([namesOf(peers), namesOf(others)], opens).map((line) => `  ${sign} ${line}`),
  );

const changedLines = (groups: NonNullable<Reach['turned']>): string[] =>
  groups.flatMap(({ peers, others, before, after }) =>
    turnedLines([namesOf(peers), namesOf(others)], before, after).map((line) => `  ~ ${line}`),
  );

type Headings = { gained: string; lost: string; turned: string };

/** Who can reach whom now and could not, and the other way round, and what may be begun; nothing where nothing differs. */
export const reachLines = ({ gained, lost, turned = [] }: Reach, words: Headings): string[] => [
  ...coloured(words.gained, groupLines(gained, '+'), 'green'),
  ...coloured(words.lost, groupLines(lost, '-'), 'red'),
  ...coloured(words.turned, changedLines(turned), 'yellow'),
];

const coloured = (heading: string, lines: string[], style: Style): string[] =>
  lines.length > 0 ? [heading, ...lines.map((line) => paint(style, line))] : [];
