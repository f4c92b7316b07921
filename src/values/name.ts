/** Names of peers and CIDRs, and of the network interface on a machine. */
import * as z from 'zod';

const HOSTNAME = /^([a-z0-9]-?)*[a-z0-9]$/;

/** A name as hostname(7) has it: lower-case letters, digits and single inner hyphens, at most 63 characters. */
export const Hostname = z
  .string()
  .min(1, 'a name has at least one character')
  .max(63, 'a name has at most 63 characters')
  .refine((text) => text.length > 63 || HOSTNAME.test(text), {
    error:
      'a name has only lower-case letters, digits and single hyphens, and neither starts nor ends with a hyphen',
  })
  .brand<'Hostname'>();
export type Hostname = z.infer<typeof Hostname>;

/** A network's name on one machine: it names the interface, so the kernel's limit of 15 characters holds. */
export const InterfaceName = Hostname.refine((text) => text.length <= 15, {
  error: 'a network name has at most 15 characters, because it names the interface',
}).brand<'InterfaceName'>();
export type InterfaceName = z.infer<typeof InterfaceName>;

/** A name as the log keeps it: an imported network may hold what `Hostname` would refuse. */
export const RecordedName = z.string().min(1).max(255);

/** Whether a recorded name is fit for a hosts file, a prompt or a terminal as it is. */
export const isHostname = (text: string): text is Hostname => text.length <= 63 && HOSTNAME.test(text);
