/** Reports a verb's changes to this machine: those done, or, with --dry-run, those planned. */
import type { Command } from 'commander';
import { printable } from '../domain/rejection.ts';
import { answer, answerJson } from './print.ts';

export type LocalChangeOptions = {
  dryRun?: true | undefined;
  json?: true | undefined;
};

export const addLocalChangeOptions = (verb: Command): Command =>
  verb
    .option('--dry-run', 'only say what would be done to this machine')
    .option('--json', 'answer with JSON: what was done, or would be');

/** `network`: its name on this machine; `changes`: imperative sentences; none: already so. */
export type LocalChange = { network: string; changes: readonly string[] };

/** With --dry-run, prints the plan and returns true: the verb then does nothing. */
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

export const sayDone = (
  { network, changes }: LocalChange,
  { json }: LocalChangeOptions,
  words: string,
): void => {
  if (json) answerJson({ network, changes });
  else answer(words);
};
