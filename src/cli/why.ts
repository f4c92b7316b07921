/** The verb why: whether two peers can talk, why, since when and by whom; exit code 3 if not. */
import { printable } from '../domain/rejection.ts';
import { type ObservedWay, wayText } from '../protocol/looking.ts';
import type { AnswerTo, Told } from '../protocol/past.ts';
import type { PeerId } from '../values/id.ts';
import { momentIn } from './moments.ts';
import type { Past } from './plane.ts';
import { answer, answerJson, paint } from './print.ts';
import { Clock, lineOf } from './telling.ts';

export type WhyOptions = { at?: string; json?: true; utc?: true };

const NO = 3;

type Why = AnswerTo<'why'>;
type ToldReason = Why['reasons'][number];

/** Local facts about the way to another peer, one sentence each. */
export type Reality = (names: readonly [string, string]) => Promise<string[]>;

const headline = ({ visible, peers: [one, other], since }: Why, clock: Clock): string => {
  const names = `${printable(one.name)} and ${printable(other.name)}`;
  const when = since ? `, since ${clock.minute(since.recordedAt)} (position ${since.position})` : '';
  return visible
    ? `${paint('green', 'yes')}: ${names} can talk${when}`
    : `${paint('red', 'no')}: ${names} cannot talk${when || ', and never could'}`;
};

const eventLines = (events: readonly Told[], clock: Clock): string[] =>
  events.map((event) => `  ${lineOf(event, clock)}`);

const reasonLines = (
  { sentence, events, verbs }: ToldReason,
  suggest: (verb: string) => string,
  clock: Clock,
) => [
  `  ${printable(clock.sentence(sentence))}`,
  ...eventLines(events, clock),
  ...(verbs.length > 0 ? [`    what would change it: ${suggest(verbs[0] ?? '')}`] : []),
  ...verbs.slice(1).map((verb) => `                       or: ${suggest(verb)}`),
];

const turnLines = ({ since, reasons, visible }: Why, clock: Clock): string[] => {
  const isTold = reasons.some(({ events }) => events.some(({ position }) => position === since?.position));
  if (!since || isTold) return [];
  return [`  what ${visible ? 'opened' : 'ended'} it`, ...eventLines([since], clock)];
};

const nameIn =
  ({ peers }: Why) =>
  (id: PeerId): string =>
    peers.find((peer) => peer.id === id)?.name ?? String(id);

const textOf = (
  found: Why,
  { reality, ways }: Observed,
  suggest: (verb: string) => string,
  clock: Clock,
): string =>
  [
    headline(found, clock),
    ...found.reasons.flatMap((reason) => reasonLines(reason, suggest, clock)),
    ...turnLines(found, clock),
    ...ways.map((way) => `  ${paint('yellow', 'observed')}: ${printable(wayText(way, nameIn(found)))}`),
    ...reality.map(
      (sentence) => `  ${paint('yellow', 'on this machine')}: ${printable(clock.sentence(sentence))}`,
    ),
  ].join('\n');

/** What is observed stands apart from what the log decides. */
type Observed = { reality: string[]; ways: ObservedWay[] };

const waysBetween = async (past: Past, pair: [PeerId, PeerId]): Promise<ObservedWay[]> => {
  const told = (await past.ways?.(pair)) ?? [];
  return told.filter(({ from, to }) => pair.includes(from) && pair.includes(to));
};

export const why = async (
  past: Past,
  peers: [string, string],
  { at, json, utc }: WhyOptions,
  { suggest, reality }: { suggest: (verb: string) => string; reality: Reality },
): Promise<void> => {
  const moment = at === undefined ? {} : { at: momentIn('--at', at, { utc: utc ?? false }) };
  const found = await past.ask({ ask: 'why', peers, ...moment });
  const [one, other] = found.peers;
  const isNow = at === undefined;
  const observed = {
    reality: isNow ? await reality([one.name, other.name]) : [],
    ways: isNow && found.visible ? await waysBetween(past, [one.id, other.id]) : [],
  };
  if (json) answerJson({ ...found, ...observed });
  else answer(textOf(found, observed, suggest, new Clock({ utc })));
  if (!found.visible) process.exitCode = NO;
};
