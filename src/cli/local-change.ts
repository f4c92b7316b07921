/** What a verb does to files and devices of this machine, said afterwards, or, with --dry-run, instead of it. */
import type { Command } from 'commander';
import { printable } from '../domain/rejection.ts';
import { answer, answerJson } from './print.ts';

export type LocalChangeOptions = {
  /** Only say what would be done. */
  dryRun?: true | undefined;
  json?: true | undefined;
};

/** Adds the flags of a verb that changes nothing but this machine. */
export const addLocalChangeOptions = (verb: Command): Command =>
  verb
    .option('--dry-run', 'only say what would be done to this machine')
    .option('--json', 'answer with JSON: what was done, or would be');

/** `network`: its name on this machine; `changes`: one sentence each, as an order; none: it is so already. */
export type LocalChange = { network: string; changes: readonly string[] };

/** Says what would be done, where only that was asked for; true then: nothing is to be done. */
export const isOnlySaid = (
  { network, changes }: LocalChange,
  { dryRun, json }: LocalChangeOptions,
): boolean => {
  if (!dryRun) return false;
  if (json) answerJson({ network, dryRun: true, changes });
  else if (changes.length === 0) answer('nothing would be done: it is so already');
  else
    answer(
      ['nothing was changed; this would be done', ...changes.map((line) => `  ${printable(line)}`)].join(
        '\n',
      ),
    );
  return true;
};

/** Says what was done. */
export const sayDone = (
  { network, changes }: LocalChange,
  { json }: LocalChangeOptions,
  words: string,
): void => {
  if (json) answerJson({ network, changes });
  else answer(words);
};
