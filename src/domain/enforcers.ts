/** The rule by which the log learns whose program keeps to limits. */
import { accept, type Rule } from './decision.ts';

export const recordEnforcers: Rule<'RecordEnforcers'> = (network, { said }) => {
  const news = said.filter(({ peerId, limits }) => {
    const peer = network.peer(peerId);
    return peer?.isRedeemed === true && (peer.limits ?? null) !== limits;
  });
  return accept(...news.map(({ peerId, limits }) => ({ type: 'PeerEnforces' as const, peerId, limits })));
};
