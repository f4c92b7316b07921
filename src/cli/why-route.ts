/** The verb why about a peer and a route: what the log says, and what the machines of its routers say. */
import { printable } from '../domain/rejection.ts';
import type { AnswerTo, QuestionOf } from '../protocol/past.ts';
import type { RouterOffers } from '../protocol/rows.ts';
import { offerTrouble } from './offered.ts';
import type { Past } from './plane.ts';
import { paint } from './print.ts';
import { type Clock, lineOf } from './telling.ts';

type Answer = AnswerTo<'whyRoute'>;

/** Observed, apart from what the log decides. */
type Standing = { code: 'NotOffered'; sentence: string };

/** Undefined: nobody knows. Where one of the routers that are seen can carry it, nothing is wrong. */
const standingOf = (
  { isUsable, routers, route }: Answer,
  network: string,
  offers: readonly RouterOffers[] | undefined,
): Standing[] | undefined => {
  if (!isUsable || offers === undefined) return undefined;
  const seen = routers.filter(({ isSeen }) => isSeen);
  const troubles = seen.map(({ id, name }) =>
    offerTrouble(route.blocks, {
      name,
      network,
      offers: offers.find(({ peerId }) => peerId === id)?.offers ?? [],
    }),
  );
  if (troubles.some((trouble) => trouble === undefined)) return [];
  return troubles.flatMap((sentence) =>
    sentence === undefined ? [] : [{ code: 'NotOffered' as const, sentence }],
  );
};

const headline = (found: Answer, isUsable: boolean): string => {
  const route = `${printable(found.route.name)} (${found.route.blocks.join(', ')})`;
  const who = printable(found.peer.name);
  if (!isUsable) return `${paint('red', 'no')}: ${who} cannot use ${route}`;
  const by = found.routers.filter(({ isSeen }) => isSeen).map(({ name }) => printable(name));
  return `${paint('green', 'yes')}: ${who} may use ${route}, by ${by.join(', ')}`;
};

const reasonLines = (
  { sentence, events, verbs }: Answer['reasons'][number],
  suggest: (verb: string) => string,
  clock: Clock,
): string[] => [
  `  ${printable(sentence)}`,
  ...events.map((event) => `  ${lineOf(event, clock)}`),
  ...verbs.map(
    (verb, at) => `    ${at === 0 ? 'what would change it:' : '                  or:'} ${suggest(verb)}`,
  ),
];

export type ToldRoute = { text: string; json: object; isUsable: boolean };

/** Asks for the route; throws where there is none of that name. `isNow`: what its routers' machines say counts too. */
export const whyRoute = async (
  past: Past,
  question: QuestionOf<'whyRoute'>,
  { isNow, suggest, clock }: { isNow: boolean; suggest: (verb: string) => string; clock: Clock },
): Promise<ToldRoute> => {
  const found = await past.ask(question);
  const offers = isNow ? await past.offers?.() : undefined;
  const standing = standingOf(found, past.network, offers);
  const isUsable = found.isUsable && (standing ?? []).length === 0;
  const lines = [
    headline(found, isUsable),
    ...found.reasons.flatMap((reason) => reasonLines(reason, suggest, clock)),
    ...(standing ?? []).map(({ sentence }) => `  ${paint('yellow', 'observed')}: ${printable(sentence)}`),
  ];
  return {
    text: lines.join('\n'),
    json: { ...found, isUsable, ...(standing ? { observed: standing } : {}) },
    isUsable,
  };
};
