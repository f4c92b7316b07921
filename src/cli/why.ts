/** The verb why: whether two peers can talk, or one can use a route, why, since when and by whom; exit code 3 if not. */
import { printable } from '../domain/rejection.ts';
import { type ObservedWay, wayText } from '../protocol/looking.ts';
import type { AnswerTo, Told } from '../protocol/past.ts';
import type { PeerId } from '../values/id.ts';
import { type Attempt, allows } from '../values/opening.ts';
import { momentIn } from './moments.ts';
import type { Past } from './plane.ts';
import { answer, answerJson, paint } from './print.ts';
import { Clock, lineOf } from './telling.ts';
import { Usage } from './usage.ts';
import { whyRoute } from './why-route.ts';

export type WhyOptions = { at?: string; port?: Attempt; json?: true; utc?: true };

const NO = 3;

type Why = AnswerTo<'why'>;
type ToldReason = Why['reasons'][number];

/** Local facts about the way to another peer, one sentence each. */
export type Reality = (names: readonly [string, string]) => Promise<string[]>;

const attemptText = ({ protocol, port }: Attempt): string =>
  protocol === 'icmp' ? 'ping' : `${protocol}${port === undefined ? '' : ` ${port}`}`;

/** Undefined: not asked. */
const mayBegin = ({ visible, openings }: Why, attempt: Attempt | undefined): boolean | undefined => {
  if (attempt === undefined) return undefined;
  const [there] = openings ?? ['all'];
  return visible && (there === 'all' || (there != null && allows(there, attempt)));
};

const answerTo = (found: Why, attempt: Attempt): string => {
  const [one, other] = found.peers.map(({ name }) => printable(name));
  return mayBegin(found, attempt)
    ? `${paint('green', 'yes')}: ${one} may open ${attemptText(attempt)} at ${other}`
    : `${paint('red', 'no')}: ${one} can see ${other}, but may not open ${attemptText(attempt)} there`;
};

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
  { clock, port }: { clock: Clock; port: Attempt | undefined },
): string =>
  [
    ...(port && found.visible ? [answerTo(found, port)] : [headline(found, clock)]),
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

type Means = { suggest: (verb: string) => string; reality: Reality };

const momentOf = ({ at, utc }: WhyOptions): { at?: ReturnType<typeof momentIn> } =>
  at === undefined ? {} : { at: momentIn('--at', at, { utc: utc ?? false }) };

const whyPeers = async (
  past: Past,
  peers: [string, string],
  options: WhyOptions,
  { suggest, reality }: Means,
): Promise<void> => {
  const { at, port, json, utc } = options;
  const found = await past.ask({ ask: 'why', peers, ...momentOf(options) });
  const [one, other] = found.peers;
  const isNow = at === undefined;
  const observed = {
    reality: isNow ? await reality([one.name, other.name]) : [],
    ways: isNow && found.visible ? await waysBetween(past, [one.id, other.id]) : [],
  };
  const may = mayBegin(found, port);
  if (json) answerJson({ ...found, ...observed, ...(may === undefined ? {} : { mayBegin: may }) });
  else answer(textOf(found, observed, suggest, { clock: new Clock({ utc }), port }));
  if (!(may ?? found.visible)) process.exitCode = NO;
};

const whyTheRoute = async (
  past: Past,
  [peer, route]: [string, string],
  options: WhyOptions,
  { suggest }: Means,
): Promise<void> => {
  const { at, port, json, utc } = options;
  if (port !== undefined) throw new Usage('--port is about two peers: a route is open with all its ports');
  const clock = new Clock({ utc });
  const question = { ask: 'whyRoute', peer, route, ...momentOf(options) } as const;
  const told = await whyRoute(past, question, { isNow: at === undefined, suggest, clock });
  if (json) answerJson(told.json);
  else answer(told.text);
  if (!told.isUsable) process.exitCode = NO;
};

/** It may be a route: asked so late, older servers are asked nothing that they do not know. */
const isNoPeer = (error: unknown, name: string): boolean =>
  error instanceof Error && error.message.includes(`no peer was ever called "${name}"`);

export const why = async (
  past: Past,
  names: [string, string],
  options: WhyOptions,
  means: Means,
): Promise<void> => {
  const [, second] = names;
  if (second.startsWith('route:')) return whyTheRoute(past, names, options, means);
  try {
    await whyPeers(past, names, options, means);
  } catch (noPeer) {
    if (!isNoPeer(noPeer, second)) throw noPeer;
    await whyTheRoute(past, names, options, means).catch((error: unknown) => {
      throw error instanceof Usage ? error : noPeer;
    });
  }
};
