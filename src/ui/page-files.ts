/** The files of the page, as they were built beside the programs. */
import { readFile } from 'node:fs/promises';
import { Failure } from '../values/failure.ts';

export type PageFiles = ReadonlyMap<string, { type: string; body: Buffer }>;

const FILES = [
  { path: '/', name: 'page.html', type: 'text/html; charset=utf-8' },
  { path: '/page.js', name: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/page-style.css', name: 'page-style.css', type: 'text/css; charset=utf-8' },
] as const;

/** By path. `folder`: a URL that ends with a slash. */
export const readPageFiles = async (folder: URL): Promise<PageFiles> => {
  const read = async ({ path, name, type }: (typeof FILES)[number]) => {
    try {
      return [path, { type, body: await readFile(new URL(name, folder)) }] as const;
    } catch (cause) {
      throw new Failure(`the page is not installed here: ${name} is missing`, {
        hint: 'install the package again',
        cause,
      });
    }
  };
  return new Map(await Promise.all(FILES.map(read)));
};
