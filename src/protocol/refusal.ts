/** The body of every refusal and failure: a code, the sentence, and what to try. */
import * as z from 'zod';

export const Refusal = z.object({
  code: z.string(),
  error: z.string(),
  hint: z.string().optional(),
  /** The verb of the command to try, without program and network. */
  verb: z.string().optional(),
  facts: z.record(z.string(), z.unknown()).optional(),
  /** What the log knows of why it stands so. */
  background: z.string().optional(),
});
export type Refusal = z.infer<typeof Refusal>;
