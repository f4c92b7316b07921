/** An admin's look at the ways that packets take, as clients tell them while somebody looks. */
import * as z from 'zod';
import { PeerId } from '../values/id.ts';
import { RecordedName } from '../values/name.ts';
import { WayRow } from './frames.ts';

/** Peers in one request. */
export const MAX_LOOKED = 100;

export const LookRequest = z.strictObject({ peers: z.array(PeerId).min(1).max(MAX_LOOKED) });
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

/** `ann reaches press by the relay innernet-server: …`, as the machine of `ann` says; `nameOf` a peer. */
export const wayText = (
  { from, to, way, relay, relayName, reason }: ObservedWay,
  nameOf: (id: PeerId) => string,
): string => {
  const by = way === 'direct' ? 'directly' : `by the relay ${relayName ?? relay ?? 'of another machine'}`;
  return `${nameOf(from)} reaches ${nameOf(to)} ${by}${reason === undefined ? '' : `: ${reason}`}`;
};
