/** An admin's look at the ways that packets take, as clients tell them while somebody looks. */
import * as z from 'zod';
import { PeerId } from '../values/id.ts';
import { RecordedName } from '../values/name.ts';
import { WayRow } from './frames.ts';

export const LookRequest = z.strictObject({ peers: z.array(PeerId).min(1).max(100) });
export type LookRequest = z.infer<typeof LookRequest>;

/** As the client of `from` says. */
export const ObservedWay = WayRow.omit({ id: true }).extend({
  from: PeerId,
  to: PeerId,
  relayName: RecordedName.optional(),
});
export type ObservedWay = z.infer<typeof ObservedWay>;

/** Peers that are away, too old or told to be silent are absent. */
export const Looked = z.object({ ways: z.array(ObservedWay) });
export type Looked = z.infer<typeof Looked>;
