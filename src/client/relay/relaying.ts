/** This machine as a relay, in words: what it does, or which of the two approvals is missing. */
import { type Look, ok, warning } from '../../cli/examining.ts';
import type { Relaying } from './peer-relay.ts';

/** Undefined: neither an admin nor this machine wants it. `name`: of this machine's peer. */
export const lookAtRelaying = (
  { named, consents, isOpen, trouble, mailboxes, byKernel }: Relaying,
  network: string,
  name: string,
): Look | undefined => {
  if (named === null && consents === null) return undefined;
  if (consents === null)
    return warning(
      `an admin has named this machine a relay at UDP port ${named}, and it has not consented`,
      `innernet serve-relay ${network} --port ${named}`,
    );
  if (named === null)
    return warning(
      `this machine may relay at UDP port ${consents}, and no admin has named it a relay`,
      `as an admin: innernet set-relay ${network} ${name} --port ${consents}`,
    );
  if (named !== consents)
    return warning(
      `an admin has named this machine a relay at UDP port ${named}, and it consents to UDP port ${consents}`,
      `innernet serve-relay ${network} --port ${named}; or, as an admin: innernet set-relay ${network} ${name} --port ${consents}`,
    );
  if (!isOpen)
    return warning(
      `this machine is no relay now: ${trouble ?? 'it is just being opened'}`,
      `see who has the port: ss -ulpn 'sport = :${consents}'`,
    );
  if (mailboxes === 0)
    return warning(
      `UDP port ${consents} is open, and no peer was heard there`,
      `let UDP port ${consents} through to this machine (peers that others reach directly, and older clients, do not need it)`,
    );
  const open = `UDP port ${consents} is open, and ${mailboxes} peer${mailboxes === 1 ? ' is' : 's are'} heard there`;
  if (byKernel !== null) return ok(`${open}; the kernel has passed on ${byKernel} packets`);
  return warning(
    `${open}; this program passes data on, which is slower than nftables`,
    `see why: journalctl -u innernet@${network} | grep relay`,
  );
};
