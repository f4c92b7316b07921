/** Carries out one command and says what came of it, in words or, with --json, as the outcome itself. */
import { type Command, Option } from 'commander';
import type { AdminCommand } from '../domain/command.ts';
import { printable, Rejected } from '../domain/rejection.ts';
import type { Outcome } from '../protocol/commands.ts';
import type { Questions } from './ask.ts';
import { hasTerminal } from './ask.ts';
import type { ChangeOptions } from './options.ts';
import type { Plane } from './plane.ts';
import { answer, answerJson } from './print.ts';

/** Adds the flags that every changing verb has. */
export const addChangeOptions = (verb: Command): Command =>
  verb
    .addOption(new Option('--yes', 'do not ask whether this is meant'))
    .addOption(new Option('--json', 'answer with the outcome as JSON: position, hash and events'));

export type Said = {
  /** What happened, past tense: `added the CIDR engineers`. */
  done: string;
  /** Why nothing needed to happen. */
  already?: string;
};

/** Prints an outcome; `more` is added to it under --json. */
export const sayOutcome = (
  outcome: Outcome,
  { json }: ChangeOptions,
  said: Said,
  more: object = {},
): void => {
  const words =
    outcome.events.length > 0 ? said.done : `nothing to do: ${said.already ?? 'it is so already'}`;
  if (json) answerJson({ ...outcome, ...more });
  else answer(printable(words));
};

/** Executes a command and prints what came of it. */
export const change = async (
  plane: Plane,
  command: AdminCommand,
  options: ChangeOptions,
  said: Said,
): Promise<void> => sayOutcome(await plane.execute(command), options, said);

type Confirmable = Extract<AdminCommand, { confirmed?: boolean | undefined }>;

/** Executes a command that may leave the network without an admin: then `--yes` or the person must say so. */
export const executeConfirmed = async (
  plane: Plane,
  command: Confirmable,
  questions: Questions,
  { yes }: ChangeOptions,
): Promise<Outcome> => {
  try {
    return await plane.execute(yes ? { ...command, confirmed: true } : command);
  } catch (error) {
    const lastAdmin = error instanceof Rejected && error.rejection.code === 'LastAdmin';
    if (!lastAdmin || !hasTerminal()) throw error;
    await questions.sure(`${error.message}. Go on?`);
    return plane.execute({ ...command, confirmed: true });
  }
};

/** An existing name as the person typed it: whether there is such a thing is the network's to say. */
export const named = (name: string): string => `"${name}"`;
