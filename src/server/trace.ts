/** Structured log lines at -v: one JSON object a line on stderr. */
import { jsonText, note } from '../cli/print.ts';

/** `facts` is plain JSON without secrets. */
export type Trace = (event: string, facts?: Record<string, unknown>) => void;

/** -v: changes; -vv: requests too. */
export const traceAt = (verbose: number, least: number): Trace => {
  if (verbose < least) return () => {};
  return (event, facts = {}) => {
    note(jsonText({ time: new Date().toISOString(), event, ...facts }));
  };
};
