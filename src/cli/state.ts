/** The verb state: a network now or at a moment, with CIDRs, peers, associations, open invitations. */

import { openedBy } from '../domain/limits.ts';
import { printable } from '../domain/rejection.ts';
import type { AnswerTo } from '../protocol/past.ts';
import { durationText } from '../values/time.ts';
import { inTreeOrder } from './cidrs.ts';
import { momentIn } from './moments.ts';
import type { Past } from './plane.ts';
import { answer, answerJson, paint } from './print.ts';
import { Clock, placeText } from './telling.ts';

export type StateOptions = { at?: string; json?: true; utc?: true };

type State = AnswerTo<'state'>;
type PeerAt = State['peers'][number];

const standing = (peer: PeerAt, { time }: State, clock: Clock): string => {
  if (peer.isDisabled) return 'disabled';
  if (peer.isRedeemed) return '';
  if (peer.inviteExpires === null) return 'invited';
  const isOver = time !== null && peer.inviteExpires <= time;
  return `${isOver ? 'invitation ended' : 'invited until'} ${clock.minute(peer.inviteExpires)}`;
};

const waiver = ({ isProofWaived }: PeerAt, { isProofRequired }: State): string =>
  isProofWaived && isProofRequired ? 'needs no proof' : '';

const endOf = ({ expires }: PeerAt, { time }: State, clock: Clock): string => {
  if (expires === undefined) return '';
  return `${time !== null && expires <= time ? 'ended' : 'ends'} ${clock.minute(expires)}`;
};

const relayOf = ({ relayPort, relayEndpoint }: PeerAt): string => {
  if (relayPort === undefined) return '';
  return `relay at UDP port ${relayPort}${relayEndpoint === undefined ? '' : ` (${relayEndpoint})`}`;
};

const routerOf = ({ via }: PeerAt, { peers }: State): string => {
  if (via === undefined) return '';
  const router = peers.find(({ id }) => id === via);
  return `phone via ${router ? printable(router.name) : via}`;
};

const peerLine = (peer: PeerAt, state: State, clock: Clock): string => {
  const remarks = [
    peer.isAdmin ? 'admin' : '',
    standing(peer, state, clock),
    waiver(peer, state),
    endOf(peer, state, clock),
    relayOf(peer),
    peer.isStandby ? 'standby' : '',
    routerOf(peer, state),
  ].filter(Boolean);
  return `${printable(peer.name)}  ${peer.ip}${remarks.length > 0 ? `  ${remarks.join(', ')}` : ''}`;
};

const promotionText = ({ peers }: State, { peerId, epoch }: NonNullable<State['promotion']>): string => {
  const peer = peers.find(({ id }) => id === peerId);
  return `the machine of ${peer ? printable(peer.name) : peerId} took over as the server (epoch ${epoch})`;
};

const byCidr = ({ peers }: State): Map<number, PeerAt[]> => {
  const found = new Map<number, PeerAt[]>();
  for (const peer of peers) {
    const known = found.get(peer.cidrId);
    if (known) known.push(peer);
    else found.set(peer.cidrId, [peer]);
  }
  return found;
};

const textOf = (state: State, clock: Clock): string => {
  const peersOf = byCidr(state);
  const nameOf = new Map(state.cidrs.map(({ id, name }) => [id, printable(name)]));
  const tree = inTreeOrder(state.cidrs).flatMap(({ node, depth }) => {
    const indent = '  '.repeat(depth);
    const peers = peersOf.get(node.id) ?? [];
    return [
      `${indent}${paint('bold', printable(node.name))}  ${node.cidr}${node.isIsolated ? '  isolated' : ''}`,
      ...peers.map((peer) => `${indent}  | ${peerLine(peer, state, clock)}`),
    ];
  });
  const limitOf = ({ cidrIds, allow }: State['associations'][number]): string =>
    allow === undefined
      ? ''
      : `: ${cidrIds.map((id) => `${nameOf.get(id)} may open ${openedBy(id, allow)}`).join('; ')}`;
  const pairs = state.associations.map(
    (association) =>
      `  ${association.cidrIds.map((id) => nameOf.get(id)).join(' – ')}${limitOf(association)}`,
  );
  return [
    `${printable(state.network)} at ${placeText(state, clock)}`,
    ...tree,
    ...(pairs.length > 0 ? ['associations', ...pairs] : []),
    ...routeLines(state),
    ...(state.isProofRequired ? ['proofs by key are required'] : []),
    ...(state.promotion ? [promotionText(state, state.promotion)] : []),
    ...(state.defaultExpiry
      ? [`new peers end ${durationText(state.defaultExpiry)} after they are added`]
      : []),
  ].join('\n');
};

/** `office  192.168.50.0/24  by press, desk (1)  open to humans`. */
const routeLines = ({ routes = [], peers, cidrs }: State): string[] => {
  const named = (rows: readonly { id: number; name: string }[], id: number | undefined): string =>
    printable(rows.find((row) => row.id === id)?.name ?? String(id));
  const lines = routes.map(({ name, blocks, routers, openTo }) => {
    const by = routers.map(({ peerId, cidrId, rank }) => {
      const who = peerId === undefined ? `each of ${named(cidrs, cidrId)}` : named(peers, peerId);
      return rank === 0 ? who : `${who} (${rank})`;
    });
    const whom = openTo.map((id) => named(cidrs, id)).join(', ');
    const words = [
      printable(name),
      blocks.join(', '),
      by.length > 0 ? `by ${by.join(', ')}` : 'carried by nobody',
      whom === '' ? 'closed' : `open to ${whom}`,
    ];
    return `  ${words.join('  ')}`;
  });
  return lines.length > 0 ? ['routes', ...lines] : [];
};

export const state = async (past: Past, { at, json, utc }: StateOptions): Promise<void> => {
  const moment = at === undefined ? {} : { at: momentIn('--at', at, { utc: utc ?? false }) };
  const found = await past.ask({ ask: 'state', ...moment });
  if (json) answerJson(found);
  else answer(textOf(found, new Clock({ utc })));
};
