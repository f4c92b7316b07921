/** Parses moments as people say them: a position of the log, a day or time, "2 days ago", "friday". */
import { Duration, type Timestamp } from '../values/time.ts';
import { Usage } from './usage.ts';

export type SaidMoment = number | Timestamp;

const UNITS: readonly [RegExp, string][] = [
  [/\s*(seconds?|secs?)\b\s*/g, 's'],
  [/\s*(minutes?|mins?)\b\s*/g, 'm'],
  [/\s*(hours?)\b\s*/g, 'h'],
  [/\s*(days?)\b\s*/g, 'd'],
  [/\s*(weeks?)\b\s*/g, 'w'],
];

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

const stamp = (time: number): Timestamp => new Date(time).toISOString() as Timestamp;

/** `2 days ago`, `90 minutes ago`, `1h30m`. */
const spanAgo = (text: string, now: number): Timestamp | undefined => {
  const span = text.replace(/\s+ago$/, '');
  const short = UNITS.reduce((said, [words, unit]) => said.replace(words, unit), span).replace(/\s+/g, '');
  const seconds = Duration.safeParse(short).data;
  return seconds === undefined ? undefined : stamp(now - seconds * 1000);
};

const midnight = (now: number, daysBack: number, utc: boolean): Timestamp => {
  const day = new Date(now);
  if (utc) day.setUTCHours(-24 * daysBack, 0, 0, 0);
  else {
    day.setHours(0, 0, 0, 0);
    day.setDate(day.getDate() - daysBack);
  }
  return stamp(day.getTime());
};

/** `today`, `yesterday`, or a weekday, meaning the last one before today. */
const dayNamed = (text: string, now: number, utc: boolean): Timestamp | undefined => {
  if (text === 'now') return stamp(now);
  if (text === 'today') return midnight(now, 0, utc);
  if (text === 'yesterday') return midnight(now, 1, utc);
  const day = DAYS.findIndex((name) => name === text || name.slice(0, 3) === text);
  if (day === -1) return undefined;
  const today = utc ? new Date(now).getUTCDay() : new Date(now).getDay();
  return midnight(now, ((today - day + 6) % 7) + 1, utc);
};

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

const isoTime = (text: string, utc: boolean): Timestamp | undefined => {
  const [, day, time = '00:00', zone = utc ? 'Z' : ''] = ISO.exec(text) ?? [];
  if (day === undefined) return undefined;
  const isInCalendar = new Date(`${day}T00:00Z`).toISOString().startsWith(day);
  const at = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(at) || !isInCalendar ? undefined : stamp(at);
};

const safely = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined; // a year, month or day that no calendar has
  }
};

/** A day or time, in the reader's zone unless it names one. */
export const timeSaid = (text: string): Timestamp | undefined =>
  safely(() => isoTime(text.toUpperCase(), false));

/** Parses a flag's text. `now` is in milliseconds; `utc`: days begin in UTC, not in the reader's zone. */
export const momentIn = (flag: string, text: string, { utc = false, now = Date.now() } = {}): SaidMoment => {
  const said = text.trim().toLowerCase();
  if (/^\d{1,15}$/.test(said)) return Number(said);
  const time =
    dayNamed(said, now, utc) ?? spanAgo(said, now) ?? safely(() => isoTime(text.trim().toUpperCase(), utc));
  if (time !== undefined) return time;
  throw new Usage(
    `${flag} "${text}" is neither a position nor a time`,
    'say a position (42), a time (2026-11-22T13:00), or how long ago (2d, "2 days ago", friday)',
  );
};
