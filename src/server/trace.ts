/** Structured log lines at -v: one JSON object a line on stderr, for people who read journals and for programs. */
import { jsonText, note } from '../cli/print.ts';

/** Notes something that happened; facts are plain JSON and never secret. */
export type Trace = (event: string, facts?: Record<string, unknown>) => void;

/** Said once: nothing. Said at -v: what changes. At -vv: every request too. */
export const traceAt = (verbose: number, least: number): Trace => {
  if (verbose < least) return () => {};
  return (event, facts = {}) => {
    note(jsonText({ time: new Date().toISOString(), event, ...facts }));
  };
};
