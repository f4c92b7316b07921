// What leaves by stdout and stderr steers no terminal and forges no line, wherever its words come from.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { answer, harmless, note, paint } from '../../src/cli/print.ts';
import { traceAt } from '../../src/server/trace.ts';

const NASTY = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r\u2028\u0000';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u2028]/;

let written: string;
beforeEach(() => {
  written = '';
  const take = (text: unknown): boolean => {
    written += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
});
afterEach(() => {
  vi.restoreAllMocks();
});

it('answers, notes and traces show control characters as escapes', () => {
  answer(`the peer ${NASTY}`);
  note(`warning: ${NASTY}`);
  traceAt(1, 1)('commit', { actor: NASTY });
  expect(written).not.toMatch(OBEYED);
  expect(written.split('\n')).toHaveLength(4);
  expect(written).toContain(String.raw`\u{1b}]0;owned\u{7}`);
  expect(JSON.parse(written.split('\n')[2] as string)).toMatchObject({ event: 'commit', actor: NASTY });
});

it('lines, tabs, letters of all languages and what is plain stay as they are', () => {
  const text = 'one\n\ttwo é 日本 👍 “three”';
  expect(harmless(text, process.stdout)).toBe(text);
});

it('our own colours pass on a terminal that has them, and nothing else does', () => {
  const terminal = { isTTY: true };
  vi.stubEnv('NO_COLOR', '');
  vi.stubEnv('TERM', 'xterm');
  const red = paint('red', `a${NASTY}`, terminal);
  expect(harmless(red, terminal)).toBe(`\u001b[31ma${harmless(NASTY, { isTTY: false })}\u001b[39m`);
  expect(harmless('\u001b[8mhidden\u001b[31;8m', terminal)).not.toContain('\u001b');
  expect(harmless(red, { isTTY: false })).not.toContain('\u001b');
});
