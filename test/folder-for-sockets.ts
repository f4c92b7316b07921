// A folder of a test's own whose name is short: the path of a Unix socket has at most 107 bytes.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In the usual place for such folders, unless that has a long name itself. */
export const folderForSockets = (prefix: string): string =>
  mkdtempSync(join(tmpdir().length > 50 ? '/tmp' : tmpdir(), prefix));
