/** Executes a command and prints its outcome, in words or as JSON. */
import { type Command, Option } from 'commander';
import type { AdminCommand } from '../domain/command.ts';
import { printable, Rejected } from '../domain/rejection.ts';
import type { Rehearsal } from '../protocol/commands.ts';
import type { Questions } from './ask.ts';
import { hasTerminal } from './ask.ts';
import type { ChangeOptions } from './options.ts';
import type { Executed, Plane } from './plane.ts';
import { answer, answerJson, note } from './print.ts';
import { Clock, reachLines } from './telling.ts';

export const addChangeOptions = (verb: Command): Command =>
  verb
    .addOption(new Option('--yes', 'do not ask whether this is meant'))
    .addOption(new Option('--dry-run', 'only say what would be recorded, and who would gain or lose whom'))
    .addOption(new Option('--json', 'answer with the outcome as JSON: position, hash and events'));

export type Said = {
  done: string;
  already?: string;
};

export type Done = Executed | Rehearsal;

/** Rehearses with --dry-run. */
export const perform = (plane: Plane, command: AdminCommand, { dryRun }: ChangeOptions): Promise<Done> =>
  dryRun ? plane.rehearse(command) : plane.execute(command);

const rehearsalText = ({ events, sentences, reach }: Rehearsal, { already }: Said): string => {
  if (events.length === 0) return `nothing would be recorded: ${already ?? 'it is so already'}`;
  const clock = new Clock({});
  return [
    'nothing was changed; this would be recorded',
    ...sentences.map((sentence) => `  ${printable(clock.sentence(sentence))}`),
    ...reachLines(reach, {
      gained: 'could reach each other then',
      lost: 'could no longer reach each other',
      turned: 'could begin something else then',
    }),
  ].join('\n');
};

const noteAlone = (): void => {
  note('warning: recorded on the server alone: no standby has it on its disk');
  note('hint: the verb standbys says since when, and why');
};

/** --json adds `more`. */
export const sayOutcome = (outcome: Done, { json }: ChangeOptions, said: Said, more: object = {}): void => {
  const words =
    outcome.events.length > 0 ? said.done : `nothing to do: ${said.already ?? 'it is so already'}`;
  if ('isAlone' in outcome && outcome.isAlone) noteAlone();
  if (json) answerJson({ ...outcome, ...more });
  else if ('dryRun' in outcome) answer(rehearsalText(outcome, said));
  else answer(printable(words));
};

/** Executes a command and prints what came of it. */
export const change = async (
  plane: Plane,
  command: AdminCommand,
  options: ChangeOptions,
  said: Said,
): Promise<void> => sayOutcome(await perform(plane, command, options), options, said);

type Confirmable = Extract<AdminCommand, { confirmed?: boolean | undefined }>;

/** For commands that may leave no admin: `--yes` or the person must confirm. */
export const executeConfirmed = async (
  plane: Plane,
  command: Confirmable,
  questions: Questions,
  options: ChangeOptions,
): Promise<Done> => {
  const { yes, dryRun } = options;
  try {
    return await perform(plane, yes ? { ...command, confirmed: true } : command, options);
  } catch (error) {
    const lastAdmin = error instanceof Rejected && error.rejection.code === 'LastAdmin';
    if (!lastAdmin || dryRun || !hasTerminal()) throw error;
    await questions.sure(`${error.message}. Go on?`);
    return plane.execute({ ...command, confirmed: true });
  }
};

/** The network decides whether the thing exists. */
export const named = (name: string): string => `"${name}"`;
