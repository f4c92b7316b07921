/** Prints answers to stdout and all else to stderr, with nothing that could steer a terminal. */
import { printable } from '../domain/rejection.ts';

/** Fast path: a history has a million lines. */
const PLAIN = /^[ -~\n]*$/;

const OWN_STYLE = /^.\[(?:1|2|22|31|32|33|39)m/s;

/**
 * Makes text safe to print: no name or foreign error moves the cursor, reverses text or forges a line. Our
 * own colours pass where shown.
 */
export const harmless = (text: string, stream: Stream): string =>
  PLAIN.test(text)
    ? text
    : text.replace(/[^\n\t\P{C}]|[\p{Zl}\p{Zp}]/gu, (char, offset: number) =>
        char === '\x1b' && hasColours(stream) && OWN_STYLE.test(text.slice(offset, offset + 5))
          ? char
          : printable(char),
      );

let hasPassing = false;
let isPassingShown = true;

/** For a verb that waits by design. */
export const hidePassing = (): void => {
  isPassingShown = false;
};

/** A line on a terminal that the next output overwrites. */
export const passing = (text: string): void => {
  if (!process.stderr.isTTY || !isPassingShown) return;
  process.stderr.write(`\r${printable(text).slice(0, (process.stderr.columns || 80) - 1)}\x1b[K`);
  hasPassing = true;
};

export const clearPassing = (): void => {
  if (hasPassing) process.stderr.write('\r\x1b[K');
  hasPassing = false;
};

/** Prints the answer: a line or more, on stdout. */
export const answer = (text: string): void => {
  clearPassing();
  process.stdout.write(`${harmless(text, process.stdout)}\n`);
};

/** Prints lines of blocks as they are: white on black where the terminal has colours. */
export const answerDrawing = (lines: readonly string[]): void => {
  clearPassing();
  const [on, off] = hasColours() ? ['\x1b[97;40m', '\x1b[0m'] : ['', ''];
  for (const line of lines) process.stdout.write(`${on}${line}${off}\n`);
};

/** For people; programs do not read it. */
export const note = (text: string): void => {
  clearPassing();
  process.stderr.write(`${harmless(text, process.stderr)}\n`);
};

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const unicodeEscapes = (text: string): string =>
  text
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** Escapes control and direction characters; the same value to a parser. */
export const jsonText = (value: unknown, indent?: number): string => {
  const text = JSON.stringify(value, null, indent);
  if (/^[ -~\n]*$/.test(text)) return text; // a look that costs little: a history has a million lines
  return text
    .split('\n')
    .map((line) => line.replace(UNSAFE, unicodeEscapes))
    .join('\n');
};

export const jsonLine = (text: string): string =>
  /^[ -~]*$/.test(text) ? text : jsonText(JSON.parse(text) as unknown);

/** Prints the answer for programs: one JSON document. */
export const answerJson = (value: unknown): void => answer(jsonText(value, 2));

const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;
export type Style = keyof typeof STYLES;

type Stream = { isTTY?: boolean };

const hasColours = (stream: Stream = process.stdout): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** Colours text where the stream shows colours, as decoration only. */
export const paint = (style: Style, text: string, stream: Stream = process.stdout): string => {
  const [on, off] = STYLES[style];
  return hasColours(stream) ? `\x1b[${on}m${text}\x1b[${off}m` : text;
};

/** Wide characters (East Asian, emoji) count two columns, combining marks none. */
const widthOf = (text: string): number => {
  let width = 0;
  for (const char of text) {
    if (/\p{M}/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
};

/** Lines of a table, the headings in front; cells are made printable, the columns aligned. */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  );
  const [head = '', ...body] = lines;
  return [paint('dim', head), ...body].join('\n');
};

/** Local, to the minute: `2026-12-06 14:09`. */
export const localTime = (timestamp: string): string => {
  const at = new Date(timestamp);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
};
