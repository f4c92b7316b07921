/** The result of a command with its events, for use inside the server. */
import type { NetworkEvent } from '../../events/schema.ts';
import type { Head } from '../../store/log.ts';

export type Outcome = Head & {
  events: NetworkEvent[];
  /** Standbys are named, and none has it. */
  isAlone?: true;
};
