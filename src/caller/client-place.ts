/** Where the client of a network keeps what the server's program on the same machine must know, too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';

type Folders = { configDir: string; dataDir: string };

export const CLIENT_FOLDERS: Folders = { configDir: '/etc/innernet', dataDir: '/var/lib/innernet' };

/** For root only. */
export const RUN_FOLDER = '/run/innernet';

export type ClientPlace = {
  conf: string;
  /** What it has seen of the network: see `clientHead`. */
  state: string;
  journal: string;
  /** Of the process that follows the network. */
  socket: string;
  /** See `readPromoted`. */
  promoted: string;
};

export const clientPlace = (network: InterfaceName, { configDir, dataDir }: Folders): ClientPlace => ({
  conf: join(configDir, `${network}.conf`),
  state: join(dataDir, `${network}.json`),
  journal: join(dataDir, `${network}.journal`),
  socket: join(RUN_FOLDER, `${network}.sock`),
  promoted: join(dataDir, `${network}.promoted`),
});

/** `epoch`: the one that begins with this machine as the server. */
export const Promoted = z.object({
  version: z.literal(1),
  since: Timestamp,
  epoch: z.number().int().positive(),
});
export type Promoted = z.infer<typeof Promoted>;

/**
 * A standby's machine serves the network: its tunnel has the name and place of the client's. Undefined if not. Throws a
 * `Failure` for a file that cannot be understood.
 */
export const readPromoted = (file: string): Promoted | undefined => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return Promoted.parse(JSON.parse(text));
  } catch (cause) {
    throw new Failure(`${file} cannot be understood: it says that this machine serves the network`, {
      hint: 'if it does not, delete that file',
      cause,
    });
  }
};

/** Why the client stays down there. */
export const servesHere = (network: string, { since }: Promoted): Failure =>
  new Failure(`this machine serves ${network} itself, as its standby since it was promoted on ${since}`, {
    hint: `to be a peer again, once another machine serves it: innernet-server standby ${network} --rejoin`,
  });
