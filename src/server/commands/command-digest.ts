/** The digest that identifies a repeated command. */

import type { Command } from '../../domain/command.ts';
import { sha256Text } from '../../machine/sha256.ts';
import { canonicalJson } from '../../values/canonical.ts';
import type { Hash } from '../../values/id.ts';

/** The order of a caller's fields must not matter. */
export const digestOfCommand = (command: Command): Hash => sha256Text(canonicalJson(command));
