/** Names of peers, CIDRs and network interfaces. */
import * as z from 'zod';

const HOSTNAME = /^([a-z0-9]-?)*[a-z0-9]$/;

/** A name as in hostname(7): lower-case letters, digits and single inner hyphens, at most 63 characters. */
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

/** A network's local name: it names the interface, so the kernel's limit of 15 characters holds. */
export const InterfaceName = Hostname.refine((text) => text.length <= 15, {
  error: 'a network name has at most 15 characters, because it names the interface',
}).brand<'InterfaceName'>();
export type InterfaceName = z.infer<typeof InterfaceName>;

/** A name in the log: imported ones may break the rules of `Hostname`. */
export const RecordedName = z.string().min(1).max(255);

/** Whether a recorded name is safe in a hosts file or a terminal. */
export const isHostname = (text: string): text is Hostname => text.length <= 63 && HOSTNAME.test(text);
