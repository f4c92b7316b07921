/** What the server last said of this machine's relay, kept for a start without the server: expendable. */
import { readFileSync, rmSync } from 'node:fs';
import * as z from 'zod';
import { replaceUnsynced } from '../../machine/durable.ts';
import { ServedPeer, Sight } from '../../protocol/frames.ts';
import { Port } from '../../values/endpoint.ts';

const Document = z.object({
  version: z.literal(1),
  port: Port,
  peers: z.array(ServedPeer),
  sights: z.array(Sight),
});
type Document = z.infer<typeof Document>;

/** Undefined: a missing or damaged file. */
export const readServed = (file: string): Document | undefined => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
};

/** Null: it is no relay. A full disk costs only what a restart without the server would have kept. */
export const writeServed = (file: string, served: Omit<Document, 'version'> | null): void => {
  try {
    if (served) replaceUnsynced(file, JSON.stringify({ version: 1, ...served } satisfies Document));
    else rmSync(file, { force: true });
  } catch {
    // the file before it stays
  }
};
