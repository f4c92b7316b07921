/** The verb head: prints the log's end, to be noted elsewhere as a witness to later checks. */
import { shortHead } from '../protocol/noted-head.ts';
import type { Past } from './plane.ts';
import { answer, answerJson } from './print.ts';

export const head = async (past: Past, { json }: { json?: true }): Promise<void> => {
  const found = await past.ask({ ask: 'head' });
  if (json) answerJson({ ...found, short: shortHead(found) });
  else answer(shortHead(found));
};
