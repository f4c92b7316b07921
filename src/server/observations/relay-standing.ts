/** What the machine of a relay says of itself, as an admin is shown it. */
import type { RelayStanding } from '../../protocol/rows.ts';
import type { PeerId } from '../../values/id.ts';
import type { Consent } from './observations.ts';

export const relayStanding = (peerId: PeerId, consent: Consent | undefined): RelayStanding => ({
  peerId,
  consents: consent?.port ?? null,
  trouble: consent?.trouble ?? null,
});
