// The picture in README: drawn from what the demo printed, with the commands that the demo types, and well-formed.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { partsOf, pictureOf } from '../scripts/picture.js';

const TRANSCRIPT = [
  'A network is created on a server\nserver$ innernet-server new',
  'Ask it: who may talk\nann$ inn why acme ann press\n    yes: <ann> & press can talk\n      - bob – ann',
  'Take it back: first see\nann$ inn revert acme 20 --yes\n    undid position 20',
].join('\n\n');

it('has the parts that are shown, and their lines as text', () => {
  expect(partsOf(TRANSCRIPT).map(([title]) => title)).toEqual([
    'Ask it: who may talk',
    'Take it back: first see',
  ]);
  const svg = pictureOf(TRANSCRIPT);
  expect(svg).toContain('yes: &lt;ann&gt; &amp; press can talk');
  expect(svg).not.toContain('innernet-server new');
  expect(svg.match(/<text /g)).toHaveLength(7);
  expect(svg.match(/<(text|tspan|style|svg)\b/g)?.length).toBe(
    svg.match(/<\/(text|tspan|style|svg)>/g)?.length,
  );
});

it('the one in docs shows what the demo types at its end', () => {
  const drawn = readFileSync('docs/demo.svg', 'utf8').replaceAll(/<[^>]+>/g, '');
  const typed = readFileSync('scripts/demo.ts', 'utf8').matchAll(
    /type\([`'](inn (?:why|diff|revert|disable|add-association acme humans)[^`']*)[`']/g,
  );
  const lines = [...typed].map(([, line = '']) => line.replace(/\$\{.*$/, ''));
  expect(lines.length).toBeGreaterThan(4);
  for (const line of lines) expect(drawn).toContain(line);
});
