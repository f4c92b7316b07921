/** Which tables of other programs drop what comes in or goes on, from the text of `nft list ruleset`. */
import type { InterfaceName } from '../values/name.ts';

/** Their names, such as `ip filter`: closed by default, and without a word on the device. */
export const tablesThatClose = (
  device: InterfaceName,
  ruleset: string,
  hook: 'input' | 'forward' = 'input',
): string[] =>
  ruleset
    .split(/^(?=table )/m)
    .filter((text) => /^table /.test(text) && !isOurs(text) && !text.includes(`"${device}"`))
    .filter((text) => chainsOf(text).some((chain) => isClosed(chain, hook)))
    .map((text) => /^table (\S+ \S+)/.exec(text)?.[1] ?? '');

const isOurs = (text: string): boolean => /^table \S+ innernet-/.test(text);

const chainsOf = (text: string): string[] => text.split(/^\tchain /m).slice(1);

/** By policy, as ufw is, or by a last rule without conditions, as firewalld. */
const isClosed = (chain: string, hook: string): boolean =>
  chain.includes(`hook ${hook} `) &&
  (/policy drop;/.test(chain) ||
    /^\t\t(counter packets \d+ bytes \d+ )?(drop|reject)\b[^\n]*\n\t}/m.test(chain));
