/** Spans and moments of time as people and the log write them: 14d, 2026-11-22T13:09:00.000Z. */
import { z } from 'zod';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** Text such as `14d` or `1h30m` (units s m h d w), parsed to whole seconds. */
export const Duration = z.string().transform((text, context) => {
  const parts = [...text.matchAll(/(\d{1,9})([smhdw])/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    return parts.reduce(
      (sum, [, count, unit]) => sum + Number(count) * SECONDS[unit as keyof typeof SECONDS],
      0,
    );
  }
  context.addIssue({
    code: 'custom',
    message: `"${text}" is not a duration such as 14d or 1h30m (units s m h d w)`,
  });
  return z.NEVER;
});

/** How long an invitation holds unless one says otherwise: innernet's 14 days, in seconds. */
export const INVITATION_SECONDS = 14 * SECONDS.d;

/** A moment in UTC with milliseconds, `2026-11-22T13:09:00.000Z`: sorts as text, is sealed as text. */
export const Timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'a time is written as 2026-11-22T13:09:00.000Z')
  .brand<'Timestamp'>();
export type Timestamp = z.infer<typeof Timestamp>;
