/** The verb revert: undoes one commit, or all since a position, by new events. */
import { printable } from '../domain/rejection.ts';
import type { AnswerTo, QuestionOf } from '../protocol/past.ts';
import { undoingOf } from '../protocol/undoing.ts';
import { Failure } from '../values/failure.ts';
import { hasTerminal, Questions } from './ask.ts';
import { sayOutcome } from './change.ts';
import type { ChangeOptions } from './options.ts';
import type { Plane } from './plane.ts';
import { answer, answerJson, note } from './print.ts';
import { Clock, reachLines } from './telling.ts';
import { Usage } from './usage.ts';

export type RevertOptions = ChangeOptions & {
  to?: number;
  possible?: true;
};

type Plan = AnswerTo<'undo'>;

const questionOf = (position: number | undefined, to: number | undefined): QuestionOf<'undo'> => {
  if ((position === undefined) === (to === undefined))
    throw new Usage('say either the position of the commit to undo, or --to with the position to go back to');
  return to === undefined ? { ask: 'undo', reverts: position } : { ask: 'undo', to };
};

const planLines = ({ sentences, reach }: Plan, clock: Clock): string[] => [
  'this would be recorded',
  ...sentences.map((sentence) => `  ${printable(clock.sentence(sentence))}`),
  ...reachLines(reach, {
    gained: 'could reach each other then',
    lost: 'could no longer reach each other',
    turned: 'could begin something else then',
  }),
];

const obstacleLines = ({ obstacles }: Plan): string[] =>
  obstacles.length > 0
    ? ['this cannot be undone', ...obstacles.map(({ sentence }) => `  ${printable(sentence)}`)]
    : [];

const refuseObstacles = (plan: Plan, { possible }: RevertOptions): void => {
  const [first] = plan.obstacles;
  if (!first || (possible && plan.commands.length > 0)) return;
  if (plan.obstacles.length > 1) note(obstacleLines(plan).join('\n'));
  const rest = plan.obstacles.length > 1 ? `, and ${plan.obstacles.length - 1} more` : '';
  const some = plan.commands.length > 0 ? '--possible undoes the rest; or ' : '';
  throw new Failure(`${first.sentence}${rest}: nothing was changed`, {
    hint: `${some}${first.hint}`,
    verb: first.verb,
  });
};

const doneText = ({ reverts, returnsTo }: Plan): string =>
  returnsTo === undefined ? `undid position ${reverts}` : `went back to position ${returnsTo}`;

export const revert = async (
  plane: Plane,
  position: number | undefined,
  options: RevertOptions,
): Promise<void> => {
  const plan = await plane.ask(questionOf(position, options.to));
  const clock = new Clock({});
  refuseObstacles(plan, options);
  if (options.dryRun && options.json) return answerJson({ dryRun: true, ...plan });
  if (plan.commands.length === 0) return answer('nothing to do: it is so already');
  const lines = [...planLines(plan, clock), ...obstacleLines(plan)].join('\n');
  if (options.dryRun) return answer(`nothing was changed; ${lines}`);
  if (!options.yes && hasTerminal()) note(lines);
  await new Questions(options).sure('Do that?');
  const outcome = await plane.execute(undoingOf(plan));
  sayOutcome(outcome, options, { done: doneText(plan) });
};
