/** The head that the client on this machine has followed: it may have been shown more than a standby has. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { ClientPlace } from '../../caller/client-place.ts';
import type { Head } from '../../store/log.ts';
import { Hash, Position } from '../../values/id.ts';

const Noted = z.object({ head: z.object({ position: Position, hash: Hash }) });

/** Of the state and each line of the journal, which begins with JSON and a tab; the greatest. Undefined: none is known. */
export const clientHead = ({ state, journal }: Pick<ClientPlace, 'state' | 'journal'>): Head | undefined => {
  const texts = [
    textOf(state),
    ...textOf(journal)
      .split('\n')
      .map((line) => line.split('\t')[0] ?? ''),
  ];
  return texts
    .map(headIn)
    .reduce((most, head) => ((head?.position ?? 0) > (most?.position ?? 0) ? head : most));
};

const textOf = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

const headIn = (text: string): Head | undefined => {
  try {
    const { position, hash } = Noted.parse(JSON.parse(text)).head;
    return { position, hash };
  } catch {
    return undefined;
  }
};
