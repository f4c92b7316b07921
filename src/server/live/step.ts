/** One commit on its way through the followers, with what it changed; the network is at its end. */
import type { Changes, ClassDelta } from '../../domain/changes.ts';
import type { Rights } from '../../domain/rights.ts';
import type { RecordedCommit } from '../../store/commit.ts';

export type Step = { commit: RecordedCommit; changes: Changes; deltas: ClassDelta[]; rights: Rights };
