/** What the server last said that this machine carries, kept for a start without the server: expendable. */
import { readFileSync, rmSync } from 'node:fs';
import * as z from 'zod';
import { replaceUnsynced } from '../../machine/durable.ts';
import { CarriedRow } from '../../protocol/frames.ts';

const Document = z.object({ version: z.literal(1), routes: z.array(CarriedRow) });

/** Nothing from a missing or damaged file. */
export const readCarried = (file: string): CarriedRow[] => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8'))).routes;
  } catch {
    return [];
  }
};

/** A full disk costs only what a restart without the server would have kept. */
export const writeCarried = (file: string, routes: readonly CarriedRow[]): void => {
  try {
    if (routes.length === 0) rmSync(file, { force: true });
    else replaceUnsynced(file, JSON.stringify({ version: 1, routes }));
  } catch {
    // the file before it stays
  }
};
