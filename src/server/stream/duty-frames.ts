/** What a relay is told, in frames that are small enough. */
import { MAX_SERVED, MAX_SIGHTS, type RelayDuty } from '../../protocol/frames.ts';

export type DutyNews = Pick<RelayDuty, 'port' | 'isFirst' | 'changed' | 'removed' | 'seen' | 'unseen'>;

export const dutyFrames = ({ isFirst, port, changed, removed, seen, unseen }: DutyNews): RelayDuty[] => {
  const served = Math.ceil(Math.max(changed.length, removed.length) / MAX_SERVED);
  const count = Math.max(1, served, Math.ceil(Math.max(seen.length, unseen.length) / MAX_SIGHTS));
  return Array.from({ length: count }, (_, at) => {
    const part = <T>(list: readonly T[], most: number): T[] => list.slice(at * most, (at + 1) * most);
    return {
      ...{ kind: 'relay', port, isFirst: isFirst && at === 0, isLast: at === count - 1 },
      ...{ changed: part(changed, MAX_SERVED), removed: part(removed, MAX_SERVED) },
      ...{ seen: part(seen, MAX_SIGHTS), unseen: part(unseen, MAX_SIGHTS) },
    };
  });
};
