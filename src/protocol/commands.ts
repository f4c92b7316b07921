/** Requests and answers of an admin's command. */
import * as z from 'zod';
import { AdminCommand } from '../domain/command.ts';
import { Hash, Position } from '../values/id.ts';
import { Reach } from './past.ts';

/** `id` is a ULID made by the client; the same id again gets the first answer. */
export const CommandRequest = z.strictObject({
  id: z.string().min(1).max(64),
  command: AdminCommand,
  /** The answer is a `Rehearsal`; nothing is written. */
  dryRun: z.boolean().optional(),
});
export type CommandRequest = z.infer<typeof CommandRequest>;

/** An undo by name: the server plans it again at `at`. */
export const UndoRequest = z.strictObject({
  id: z.string().min(1).max(64),
  undo: z.strictObject({ reverts: Position.optional(), to: Position.optional(), at: Position }),
});
export type UndoRequest = z.infer<typeof UndoRequest>;

/** Lenient: a newer server may record types and fields unknown here. */
const RecordedEvent = z.looseObject({ type: z.string().max(64) });

/** A command's result; without events nothing had to change. */
export const Outcome = z.object({
  position: Position,
  hash: Hash,
  events: z.array(RecordedEvent),
  /** Standbys are named, and none has it on its disk. */
  isAlone: z.literal(true).optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** What a command would do at this position, had it been meant. */
export const Rehearsal = Outcome.extend({
  dryRun: z.literal(true),
  /** One per event, without the actor; times are ISO 8601, UTC. */
  sentences: z.array(z.string()),
  reach: Reach,
});
export type Rehearsal = z.infer<typeof Rehearsal>;
