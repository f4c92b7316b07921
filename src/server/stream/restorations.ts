/** The last restorations of backups, as told with each snapshot. */
import type { Network } from '../../domain/network.ts';
import type { Restoration } from '../../protocol/frames.ts';

/** A client that missed more keeps its alarm. */
const MAX_TOLD = 100;

/** Absent if no backup was ever restored. */
export const restorationsOf = ({ restorations }: Network): { restorations?: Restoration[] } =>
  restorations.length === 0 ? {} : { restorations: restorations.slice(-MAX_TOLD) };
