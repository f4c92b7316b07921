/** What clients are told of backups that were put back, with each snapshot: the last ones. */
import type { Network } from '../../domain/network.ts';
import type { Restoration } from '../../protocol/frames.ts';

/** A client that missed more of them than this keeps its alarm. */
const MAX_TOLD = 100;

/** The field of a snapshot; there is none where no backup was ever put back. */
export const restorationsOf = ({ restorations }: Network): { restorations?: Restoration[] } =>
  restorations.length === 0 ? {} : { restorations: restorations.slice(-MAX_TOLD) };
