/** One commit and its changes, with the network already after it. */
import type { Changes, ClassDelta } from '../../domain/changes.ts';
import type { Rights } from '../../domain/rights.ts';
import type { RecordedCommit } from '../../store/commit.ts';

export type Step = { commit: RecordedCommit; changes: Changes; deltas: ClassDelta[]; rights: Rights };
