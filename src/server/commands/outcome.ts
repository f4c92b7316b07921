/** What became of a command, with the events themselves: peers are told it as protocol/commands.ts has it. */
import type { NetworkEvent } from '../../events/schema.ts';
import type { Head } from '../../store/log.ts';

export type Outcome = Head & { events: NetworkEvent[] };
