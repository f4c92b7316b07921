/** The verb diff: what changed in a network between two moments, mainly reach. */
import { openedBy } from '../domain/limits.ts';
import { type EachField, isPlain } from '../domain/peer.ts';
import { printable } from '../domain/rejection.ts';
import type { AnswerTo } from '../protocol/past.ts';
import { durationText } from '../values/time.ts';
import { momentIn } from './moments.ts';
import type { Past } from './plane.ts';
import { answer, answerJson, paint } from './print.ts';
import { Clock, placeText, reachLines } from './telling.ts';

export type DiffOptions = { json?: true; utc?: true };

type Diff = AnswerTo<'diff'>;
type PeerAt = Diff['peers']['added'][number];
type CidrAt = Diff['cidrs']['added'][number];

const came = (text: string): string => paint('green', `  + ${text}`);
const went = (text: string): string => paint('red', `  - ${text}`);
const turned = (text: string): string => paint('yellow', `  ~ ${text}`);

const section = (heading: string, lines: string[]): string[] => (lines.length > 0 ? [heading, ...lines] : []);

const cidrLines = ({ cidrs: { added, removed, changed } }: Diff): string[] => [
  ...added.map(({ name, cidr }) => came(`${printable(name)} (${cidr})`)),
  ...removed.map(({ name, cidr }) => went(`${printable(name)} (${cidr})`)),
  ...changed.map(({ before, after }) => turned(cidrNews(before, after).join(', '))),
];

const cidrNews = (before: CidrAt, after: CidrAt): string[] => [
  ...(before.name === after.name ? [] : [`${printable(before.name)} is now ${printable(after.name)}`]),
  ...(before.isIsolated === after.isIsolated
    ? []
    : [
        `the peers of ${printable(after.name)} ${after.isIsolated ? 'are isolated' : 'see each other again'}`,
      ]),
];

const endpointText = ({ endpoint }: PeerAt): string =>
  endpoint === null ? 'no endpoint of its own' : `endpoint ${endpoint}`;

const newsOf = (before: PeerAt, after: PeerAt): string[] => {
  const fields = Object.keys(NEWS) as (keyof PeerAt)[];
  const changed = fields.filter((field) => before[field] !== after[field]);
  return changed.map((field) => NEWS[field]?.(before, after) ?? false).filter((text) => text !== false);
};

type News = (before: PeerAt, after: PeerAt) => string | false;

/** Words for a changed field; null: it never changes, or another field's words say it. */
const NEWS: EachField<PeerAt, News | null> = {
  id: null,
  name: (_, { name }) => `now ${printable(name)}`,
  ip: null,
  cidrId: null,
  isRedeemed: (_, { isRedeemed }) => isRedeemed && 'joined',
  inviteExpires: null,
  publicKey: (before, after) =>
    before.isRedeemed === after.isRedeemed && (isPlain(after) ? 'another key' : 'new invitation'),
  isAdmin: (_, { isAdmin }) => (isAdmin ? 'an admin' : 'no admin any more'),
  isDisabled: (_, { isDisabled }) => (isDisabled ? 'disabled' : 'enabled again'),
  endpoint: (_, after) => endpointText(after),
  isVouchedFor: null,
  expires: (_, { expires }) => (expires === undefined ? 'does not end' : `ends ${expires}`),
  isProofWaived: (_, { isProofWaived }) =>
    isProofWaived ? 'needs no proof by its key' : 'needs a proof by its key where the network does',
  hasProved: ({ isRedeemed }, { hasProved }) =>
    isRedeemed && (hasProved ? 'its key proved itself' : 'another key'),
  signingKey: null,
  via: (_, { via }) => via !== undefined && 'another router passes its packets',
  limits: (_, { limits }) => (limits ? 'can limit ports' : 'cannot limit ports'),
  relayPort: (_, { relayPort }) =>
    relayPort === undefined ? 'no relay any more' : `a relay at UDP port ${relayPort}`,
  relayEndpoint: (_, { relayPort, relayEndpoint }) =>
    relayPort !== undefined &&
    (relayEndpoint === undefined
      ? 'its relay is reached at its own host'
      : `its relay is reached at ${relayEndpoint}`),
  isStandby: (_, { isStandby }) => (isStandby ? 'a standby of the server' : 'no standby any more'),
};

const peerText = ({ name, ip, isRedeemed, isAdmin, via }: PeerAt): string =>
  `${printable(name)} (${ip})${isAdmin ? ', admin' : ''}${isRedeemed ? '' : ', invited'}${via ? ', a phone' : ''}`;

const peerLines = ({ peers: { added, removed, changed } }: Diff, clock: Clock): string[] => [
  ...added.map((peer) => came(peerText(peer))),
  ...removed.map((peer) => went(peerText(peer))),
  ...changed.map(({ before, after }) =>
    turned(`${printable(before.name)}: ${clock.sentence(newsOf(before, after).join(', '))}`),
  ),
];

const limitText = ({ cidrs, cidrIds, allow }: Diff['associations']['added'][number]): string =>
  allow === undefined
    ? 'everything may be opened'
    : cidrIds.map((id, at) => `${printable(cidrs[at] ?? '')} may open ${openedBy(id, allow)}`).join('; ');

const associationLines = ({ associations: { added, removed, changed } }: Diff): string[] => {
  const pair = ({ cidrs }: (typeof added)[number]): string => cidrs.map(printable).join(' – ');
  const text = (each: (typeof added)[number]): string =>
    each.allow === undefined ? pair(each) : `${pair(each)}: ${limitText(each)}`;
  return [
    ...added.map((each) => came(text(each))),
    ...removed.map((each) => went(text(each))),
    ...changed.map(({ after }) => turned(`${pair(after)}: ${limitText(after)}`)),
  ];
};

const proofLines = ({ isProofRequired }: Diff): string[] =>
  isProofRequired ? [turned(isProofRequired.after ? 'required of every peer' : 'waived')] : [];

const defaultLines = ({ defaultExpiry }: Diff): string[] =>
  defaultExpiry ? [turned(endText(defaultExpiry.after))] : [];

const endText = (seconds: number | null): string =>
  seconds === null ? 'never' : `${durationText(seconds)} after they are added`;

const textOf = (diff: Diff, clock: Clock): string => {
  const lines = [
    ...section('CIDRs', cidrLines(diff)),
    ...section('peers', peerLines(diff, clock)),
    ...section('associations', associationLines(diff)),
    ...section('proofs by key', proofLines(diff)),
    ...section('end of new peers', defaultLines(diff)),
    ...reachLines(diff.reach, {
      gained: 'can reach each other now',
      lost: 'can no longer reach each other',
      turned: 'may begin something else now',
    }),
  ];
  const heading = `from ${placeText(diff.from, clock)} to ${placeText(diff.to, clock)}`;
  return [heading, ...(lines.length > 0 ? lines : ['nothing differs'])].join('\n');
};

export const diff = async (
  past: Past,
  [start, end]: [string, string | undefined],
  { json, utc }: DiffOptions,
): Promise<void> => {
  const zone = { utc: utc ?? false };
  const from = momentIn('the first moment', start, zone);
  const to = end === undefined ? {} : { to: momentIn('the second moment', end, zone) };
  const found = await past.ask({ ask: 'diff', from, ...to });
  if (json) answerJson(found);
  else answer(textOf(found, new Clock({ utc })));
};
