/** An admin's intent, and what became of it. */
import * as z from 'zod';
import { AdminCommand } from '../domain/command.ts';
import { Hash, Position } from '../values/id.ts';
import { Reach } from './past.ts';

/** `id` is a ULID made by the client: sent again, it gets the first answer again. */
export const CommandRequest = z.strictObject({
  id: z.string().min(1).max(64),
  command: AdminCommand,
  /** Only say what it would do: the answer is a `Rehearsal`, and nothing is written or kept. */
  dryRun: z.boolean().optional(),
});
export type CommandRequest = z.infer<typeof CommandRequest>;

/** Undoing by name: the server makes the same plan again, at the position where it was made first. */
export const UndoRequest = z.strictObject({
  id: z.string().min(1).max(64),
  undo: z.strictObject({ reverts: Position.optional(), to: Position.optional(), at: Position }),
});
export type UndoRequest = z.infer<typeof UndoRequest>;

/** A newer server may record types, and fields, that this program does not know. */
const RecordedEvent = z.looseObject({ type: z.string().max(64) });

/** What a command did; without events, things were as asked already. */
export const Outcome = z.object({ position: Position, hash: Hash, events: z.array(RecordedEvent) });
export type Outcome = z.infer<typeof Outcome>;

/** What a command would do at this position, had it been meant. */
export const Rehearsal = Outcome.extend({
  dryRun: z.literal(true),
  /** One for each event, without who does it; moments in them are ISO 8601, UTC. */
  sentences: z.array(z.string()),
  reach: Reach,
});
export type Rehearsal = z.infer<typeof Rehearsal>;
