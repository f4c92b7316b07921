/** The body of every refusal and failure: a code, a sentence and a hint. */
import * as z from 'zod';

export const Refusal = z.object({
  code: z.string(),
  error: z.string(),
  hint: z.string().optional(),
  /** Verb to try, without program and network. */
  verb: z.string().optional(),
  facts: z.record(z.string(), z.unknown()).optional(),
  /** What the log says about the cause. */
  background: z.string().optional(),
});
export type Refusal = z.infer<typeof Refusal>;
