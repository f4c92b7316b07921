// What a run on a Debian of its own has come to: how long it took, its last lines, and their place in docs/reliability.md.
// @ts-check
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const NOTE = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));

/** @param {number} since in milliseconds, of the clock that runs evenly */
export const elapsed = (since) => {
  const seconds = Math.round((performance.now() - since) / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

/** @param {string} log */
export const lastLines = (log, count = 5) =>
  stripVTControlCharacters(readFileSync(log, 'utf8'))
    .split('\n')
    .map((line) => line.trimEnd())
    .filter(Boolean)
    .slice(-count);

/**
 * Puts the lines in the place of those that an earlier run of the same kind has left.
 * @param {string} title
 * @param {string[]} lines
 */
export const record = (title, lines) => {
  const [name] = /^(?:Kernel of )?Debian \w+/.exec(title) ?? [];
  const note = readFileSync(NOTE, 'utf8');
  const block = new RegExp(`\`\`\`text\n${name}\\b[^]*?\`\`\``);
  if (!block.test(note)) throw new Error(`docs/reliability.md has no block that begins with "${name}"`);
  writeFileSync(
    NOTE,
    note.replace(block, () => ['```text', title, ...lines, '```'].join('\n')),
  );
};
