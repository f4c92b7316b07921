/** One commit and its changes, with the network already after it. */
import type { Changes, ClassDelta, Moves } from '../../domain/changes.ts';
import type { Rights } from '../../domain/rights.ts';
import type { RecordedCommit } from '../../store/commit.ts';

export type Step = {
  commit: RecordedCommit;
  changes: Changes;
  deltas: ClassDelta[];
  /** Asked before the next commit. */
  moves: Moves;
  rights: Rights;
};
