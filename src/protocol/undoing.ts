/** The command that carries out an undo plan, and the plan's name in it. */
import type { AdminCommand, Undoing } from '../domain/command.ts';
import type { UndoRequest } from './commands.ts';
import type { AnswerTo } from './past.ts';

/** The command that carries a plan out. */
export const undoingOf = ({ commands, at, reverts, returnsTo }: AnswerTo<'undo'>): Undoing => ({
  type: 'AllOf',
  commands: commands as Undoing['commands'],
  at,
  reverts,
  ...(returnsTo === undefined ? {} : { returnsTo }),
});

/** The undo in a command, by name; undefined for other commands. */
export const undoIn = (command: AdminCommand): UndoRequest['undo'] | undefined => {
  if (command.type !== 'AllOf' || command.at === undefined || command.reverts === undefined) return undefined;
  const { at, reverts, returnsTo } = command;
  return returnsTo === undefined ? { reverts, at } : { to: returnsTo, at };
};
