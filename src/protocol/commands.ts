/** POST /v1/admin/commands: an admin's intent, and what became of it. */
import { z } from 'zod';
import { AdminCommand, type Undoing } from '../domain/command.ts';
import { NetworkEvent } from '../events/schema.ts';
import { Hash, Position } from '../values/id.ts';
import { type AnswerTo, Reach } from './past.ts';

export const COMMANDS_PATH = '/v1/admin/commands';
/** The network as an admin may see it, at one position. */
export const NETWORK_PATH = '/v1/admin/network';

/** `id` is a ULID made by the client: sent again, it gets the first answer again. */
export const CommandRequest = z.strictObject({
  id: z.string().min(1).max(64),
  command: AdminCommand,
  /** Only say what it would do: the answer is a `Rehearsal`, and nothing is written or kept. */
  dryRun: z.boolean().optional(),
});
export type CommandRequest = z.infer<typeof CommandRequest>;

/** POST: undoing by name, for plans that are longer than a body may be. */
export const UNDO_PATH = '/v1/admin/undo';

/** The server makes the same plan again, at the position where it was made first. */
export const UndoRequest = z.strictObject({
  id: z.string().min(1).max(64),
  undo: z.strictObject({ reverts: Position.optional(), to: Position.optional(), at: Position }),
});
export type UndoRequest = z.infer<typeof UndoRequest>;

/** The command that carries a plan out. */
export const undoingOf = ({ commands, at, reverts, returnsTo }: AnswerTo<'undo'>): Undoing => ({
  type: 'AllOf',
  commands: commands as Undoing['commands'],
  at,
  reverts,
  ...(returnsTo === undefined ? {} : { returnsTo }),
});

/** The plan of a command that undoes something, by name; undefined for other commands. */
export const undoIn = (command: AdminCommand): UndoRequest['undo'] | undefined => {
  if (command.type !== 'AllOf' || command.at === undefined || command.reverts === undefined) return undefined;
  const { at, reverts, returnsTo } = command;
  return returnsTo === undefined ? { reverts, at } : { to: returnsTo, at };
};

/** What a command did; without events, things were as asked already. */
export const Outcome = z.object({ position: Position, hash: Hash, events: z.array(NetworkEvent) });
export type Outcome = z.infer<typeof Outcome>;

/** What a command would do at this position, had it been meant. */
export const Rehearsal = Outcome.extend({
  dryRun: z.literal(true),
  /** One for each event, without who does it; moments in them are ISO 8601, UTC. */
  sentences: z.array(z.string()),
  reach: Reach,
});
export type Rehearsal = z.infer<typeof Rehearsal>;

/** The body of every refusal and failure: a code, the sentence, and what to try. */
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
