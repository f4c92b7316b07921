/** Text from outside made fit for a terminal or a log file. */
import { isHostname } from '../values/name.ts';

/** Control characters, invisible formatting and line ends: what could move a cursor or turn text around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

const escaped = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/** A strict name as it is; any other in quotes, with everything escaped that would not show as it is. */
export const printable = (name: string): string =>
  isHostname(name) ? name : `"${name.replace(/["\\]/g, '\\$&').replace(UNPRINTABLE, escaped)}"`;
