// Draws parts of the demo as a terminal whose lines appear one after another: an SVG for the README, on stdout.
// On stdin: what `npm run demo` printed. node scripts/picture.js < demo.txt > docs/demo.svg
import { text as textOf } from 'node:stream/consumers';

/** The parts that are shown, by how their titles begin. */
const SHOWN = ['Who may talk', 'Two behind routers', 'A peer is cut off', 'Ask it', 'Take it back'];

const COLUMNS = 104;
const LETTER = 7.25;
const LINE = 18;
const MARGIN = 14;
/** Seconds from one line to the next, and after a command. */
const PACE = { line: 0.25, command: 0.9 };
/** Seconds for which all of it stands before it begins again. */
const REST = 8;

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** @param {string} transcript */
export const partsOf = (transcript) =>
  transcript
    .split(/\n\n(?=\S)/)
    .map((part) => part.trim().split('\n'))
    .filter(([title = '']) => SHOWN.some((begin) => title.startsWith(begin)));

/** @param {string} line */
const cut = (line) => (line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line);

/** @param {string} line @param {boolean} isTitle */
const drawn = (line, isTitle) => {
  const [, prompt, typed] = /^([a-z]+\$)(.*)$/.exec(line) ?? [];
  if (isTitle) return `<tspan class="title">${escaped(line)}</tspan>`;
  if (prompt)
    return `<tspan class="prompt">${prompt}</tspan><tspan class="typed">${escaped(typed ?? '')}</tspan>`;
  const style = /^ +[+✓] |: \d+ ms/.test(line) ? ' class="came"' : /^ +- /.test(line) ? ' class="went"' : '';
  return `<tspan${style}>${escaped(line)}</tspan>`;
};

/** The SVG of a transcript. @param {string} transcript */
export const pictureOf = (transcript) => {
  const rows = partsOf(transcript).flatMap((lines, part) => [
    ...(part === 0 ? [] : [{ text: '', isTitle: false }]),
    ...lines.map((line, at) => ({ text: cut(line), isTitle: at === 0 })),
  ]);
  let time = 0;
  const begins = rows.map((row) => {
    time += /^[a-z]+\$/.test(row.text) || row.isTitle ? PACE.command : PACE.line;
    return time;
  });
  const whole = (begins.at(-1) ?? 0) + REST;
  const width = Math.round(COLUMNS * LETTER + 2 * MARGIN);
  const height = rows.length * LINE + 2 * MARGIN;
  const lines = rows.map(({ text, isTitle }, at) => {
    if (text === '') return '';
    const y = MARGIN + (at + 0.75) * LINE;
    const from = (((begins[at] ?? 0) / whole) * 100).toFixed(2);
    const to = (((begins[at] ?? 0) / whole) * 100 + 0.01).toFixed(2);
    return (
      `<style>@keyframes l${at}{0%,${from}%{opacity:0}${to}%,100%{opacity:1}}</style>` +
      `<text x="${MARGIN}" y="${y}" style="animation:l${at} ${whole.toFixed(1)}s infinite">${drawn(text, isTitle)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="The demo in a terminal: access is granted, cut off, explained, compared and taken back">
<style>
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}
.title{fill:#fff;font-weight:bold}.prompt{fill:#56d4dd}.typed{fill:#fff}.came{fill:#7ee787}.went{fill:#ffa198}
@media(prefers-reduced-motion:reduce){text{animation:none!important}}
</style>
<rect width="${width}" height="${height}" rx="8" fill="#161b22"/>
${lines.filter(Boolean).join('\n')}
</svg>
`;
};

if (import.meta.main ?? process.argv[1]?.endsWith('picture.js'))
  process.stdout.write(pictureOf(await textOf(process.stdin)));
