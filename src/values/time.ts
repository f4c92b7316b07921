/** Spans and moments as text: 14d, 2026-11-22T13:09:00.000Z. */
import * as z from 'zod';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** About a hundred years: more is a slip, and would not fit a `Timestamp`. */
const MAX_SPAN_SECONDS = 5200 * SECONDS.w;

/** A span of time in whole seconds, at least one. */
export const Seconds = z.number().int().positive().max(MAX_SPAN_SECONDS);

const secondsOf = (text: string): number | undefined => {
  const parts = [...text.matchAll(/(\d{1,9})([smhdw])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined;
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * SECONDS[unit as keyof typeof SECONDS], 0);
};

/** Text such as `14d` or `1h30m` (units s m h d w) as whole seconds; at most 5200 weeks. */
export const Duration = z.string().transform((text, context) => {
  const seconds = secondsOf(text);
  if (seconds !== undefined && seconds <= MAX_SPAN_SECONDS) return seconds;
  const message =
    seconds === undefined
      ? `"${text}" is not a duration such as 14d or 1h30m (units s m h d w)`
      : `"${text}" is too long: a duration is at most 5200w`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** The text that `Duration` reads as this span: `90d`, `1h30m`. */
export const durationText = (seconds: number): string => {
  const units = Object.entries(SECONDS).filter(([unit]) => unit !== 'w');
  let rest = seconds;
  const parts = units.reverse().map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join('') || '0s';
};

/** innernet 2.0's default life of an invitation. */
export const INVITATION_SECONDS = 14 * SECONDS.d;

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** No 31st of June. Text of another form is left to the regex. */
const isMoment = (text: string): boolean => {
  const time = Date.parse(text);
  return !MOMENT.test(text) || (!Number.isNaN(time) && new Date(time).toISOString() === text);
};

/** A moment in UTC with milliseconds, `2026-11-22T13:09:00.000Z`; sorts and is sealed as text. */
export const Timestamp = z
  .string()
  .regex(MOMENT, 'a time is written as 2026-11-22T13:09:00.000Z')
  .refine((text) => isMoment(text), { error: 'there is no such time in the calendar' })
  .brand<'Timestamp'>();
export type Timestamp = z.infer<typeof Timestamp>;
