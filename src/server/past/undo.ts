/** Plans how to undo one commit, or everything since a position. */
import type { AdminCommand } from '../../domain/command.ts';
import { preview } from '../../domain/preview.ts';
import { planReturn } from '../../domain/return-plan.ts';
import type { AnswerTo, QuestionOf } from '../../protocol/past.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';
import { timestamp } from '../commands/control-plane.ts';
import { advanceTo, networkAt, placeOf } from './places.ts';
import { reachOf } from './rehearsal.ts';

/** Per commit. */
const MAX_COMMANDS = 1000;

/** Throws `Failure`: not a commit's end, or the network's first commit. */
const startOf = async (log: EventLog, end: Position): Promise<Position> => {
  const place = await placeOf(log, end);
  if (place.position !== end)
    throw new Failure(`position ${end} is within the commit that ends at position ${place.position}`, {
      hint: 'a commit is undone as a whole',
      verb: `revert ${place.position}`,
    });
  const [record] = await log.read(end - 1, 1);
  const commit = record && (await log.commitOf(record.actor, record.commandId));
  if (!commit || commit.from === 0)
    throw new Failure('the beginning of a network cannot be undone', {
      hint: 'what happened after it is told by',
      verb: 'history',
    });
  return commit.from;
};

type Ends = { want: Position; made: Position; returnsTo?: Position };

const endsOf = async (log: EventLog, { reverts, to }: QuestionOf<'undo'>, head: Position): Promise<Ends> => {
  if (reverts !== undefined) return { want: await startOf(log, reverts), made: reverts };
  const place = await placeOf(log, to ?? head);
  if (place.position === head)
    throw new Failure(`the network is at position ${head} already`, { hint: 'name an earlier position' });
  if (place.position === 0) throw new Failure('before position 1 there was no network to go back to');
  return { want: place.position, made: head, returnsTo: place.position };
};

const NOTHING = { sentences: [], reach: { gained: [], lost: [], turned: [] } };

/** Compares three positions: before, after, and at present. Throws `Failure`. */
export const planUndo = async (log: EventLog, question: QuestionOf<'undo'>): Promise<AnswerTo<'undo'>> => {
  const { position: at } = await placeOf(log, question.at ?? (await log.head()).position);
  const { want: from, made: end, returnsTo } = await endsOf(log, question, at);
  const want = await networkAt(log, { position: from });
  const made = want.clone();
  await advanceTo(log, made, end);
  const now = end === at ? made : made.clone();
  await advanceTo(log, now, at);
  const context = { actor: { kind: 'server' as const }, now: timestamp() };
  const { commands, obstacles } = planReturn({ want, made, now }, context);
  if (commands.length > MAX_COMMANDS)
    throw new Failure(`that takes ${commands.length} commands, and ${MAX_COMMANDS} can be given at once`, {
      hint: 'go back in several steps',
    });
  const undoing = { reverts: end, ...(returnsTo === undefined ? {} : { returnsTo }) };
  const [first, ...more] = commands;
  const all = first && ({ type: 'AllOf', commands: [first, ...more], ...undoing } as AdminCommand);
  const { sentences, reach } = all ? preview(now, all, context) : NOTHING;
  return { ...undoing, at, commands, sentences, obstacles, reach: reachOf(reach) };
};
