/** What a peer's program knows, by what its streams say. */
import type { Word } from './views.ts';

export type SaidWord = { readonly word: Word; readonly isProved: boolean };

/**
 * By the streams of one peer: of the proved ones the last. Any user of the machine may open another, which limits
 * nothing; of those the first.
 */
export const saidBy = (streams: Iterable<SaidWord>): Word | undefined => {
  let proved: Word | undefined;
  let unproved: Word | undefined;
  for (const { word, isProved } of streams)
    if (isProved) proved = word;
    else unproved ??= word === 'limits' ? 'plain' : word;
  return proved ?? unproved;
};
