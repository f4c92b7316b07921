// What can happen, be refused or be typed stands in the pages that people read, and links lead somewhere.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REJECTION_CODES } from '../src/domain/rejection.ts';
import { EVENT_TYPES } from '../src/events/schema.ts';

const markdownIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.md'))
        .map((file) => join(folder, file))
    : [];

const pages = [...markdownIn('.'), ...markdownIn('docs'), ...markdownIn('examples')];
const read = (page: string): string => readFileSync(page, 'utf8');

/** Every verb that a built program lists, wherever and however it was registered. */
const verbsOf = (program: string): string[] => {
  const help = execFileSync(process.execPath, [`dist/${program}.js`, '--help'], { encoding: 'utf8' });
  return [...help.matchAll(/^ {2}([a-z][a-z-]+)(?:\|([a-z-]+))?/gm)].flatMap(([, ...names]) =>
    names.filter((name) => name !== undefined),
  );
};

describe('the pages', () => {
  it.each(EVENT_TYPES)('tell of the event %s', (type) => {
    expect(read('docs/events.md')).toContain(`\`${type}\``);
  });

  it.each(REJECTION_CODES)('tell of the refusal %s', (code) => {
    expect(read('docs/refusals.md')).toContain(`\`${code}\``);
  });

  it('tell of every verb', () => {
    const verbs = new Set(['innernet', 'innernet-server'].flatMap(verbsOf));
    for (const name of ['import', 'rebuild', 'rename-peer', 'up']) expect(verbs).toContain(name);
    const text = read('docs/verbs.md');
    expect([...verbs].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  it.each(pages)('%s has links that lead somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(
      ([, path = '']) => path,
    );
    expect(links.filter((path) => !existsSync(join(dirname(page), path)))).toEqual([]);
  });
});
