/** Prints a program's manual page, made from its help, by a hidden verb. */
import type { Command } from 'commander';
import { type FlagWord, type Grammar, grammarOf, type VerbGrammar } from './grammar.ts';
import { answer } from './print.ts';
import { verb } from './program.ts';

/** Text for roff(7): escaped so that it is no request, and hyphens can be copied. */
const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

const bold = (text: string): string => `\\fB${plain(text)}\\fR`;

const placeholders = (text: string): string => text.replace(/([<[])([\w:.\\-]+)([>\]])/g, '$1\\fI$2\\fR$3');

const sentence = (text: string): string =>
  `${plain(text.charAt(0).toUpperCase() + text.slice(1))}${text.endsWith('.') ? '' : '.'}`;

/** `\fB-s\fR, \fB--mtu\fR <bytes>`. */
const flagTitle = ({ usage }: FlagWord): string =>
  usage
    .split(' ')
    .map((word) =>
      word.startsWith('-')
        ? bold(word.replace(/,$/, '')) + (word.endsWith(',') ? ',' : '')
        : placeholders(plain(word)),
    )
    .join(' ');

const flagList = (flags: readonly FlagWord[]): string[] =>
  flags
    .filter(({ isHidden }) => !isHidden)
    .flatMap((flag) => ['.TP', flagTitle(flag), sentence(flag.description)]);

const verbSection = (
  program: string,
  { names, summary, flags, operands, examples }: VerbGrammar,
): string[] => [
  `.SS ${[...names.map(bold)].join(', ')} ${operands.map(({ usage }) => placeholders(plain(usage))).join(' ')}`.trimEnd(),
  sentence(summary),
  ...flagList(flags.filter(({ spellings }) => !spellings.includes('--help'))),
  ...(examples.length > 0
    ? [
        '.PP',
        'Examples:',
        '.PP',
        '.nf',
        '.RS',
        ...examples.map((line) => plain(`${program} ${line}`)),
        '.RE',
        '.fi',
      ]
    : []),
];

type ManualFacts = {
  aliases: readonly string[];
  files: readonly (readonly [path: string, what: string])[];
  seeAlso: readonly string[];
};

/** A page of section 8 in man(7)'s macros. */
const manualPage = (grammar: Grammar, { aliases, files, seeAlso }: ManualFacts): string => {
  const { program, version, summary, flags, verbs } = grammar;
  const what = summary.replace(`${program} `, '');
  return [
    `.TH ${plain(program.toUpperCase())} 8 "" "innernet ${plain(version)}" "System Administration"`,
    '.SH NAME',
    `${[program, ...aliases].map(plain).join(', ')} \\- ${plain(what)}`,
    '.SH SYNOPSIS',
    `${bold(program)} [\\fIoptions\\fR] \\fIverb\\fR [\\fIoperands\\fR] [\\fIoptions\\fR]`,
    '.SH DESCRIPTION',
    `${bold(program)} ${plain(what)}.`,
    'What a verb needs and was not told it asks for on a terminal; without one it names the missing flag.',
    'Its answer goes to standard output, everything else to standard error.',
    '.SH OPTIONS',
    'These stand before the verb; by their long names they may follow it too.',
    ...flagList(flags),
    '.SH VERBS',
    ...verbs.flatMap((each) => verbSection(program, each)),
    '.SH EXIT STATUS',
    ...EXITS.flatMap(([code, meaning]) => ['.TP', bold(code), sentence(meaning)]),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, meaning]) => ['.TP', bold(name), sentence(meaning)]),
    '.SH FILES',
    ...files.flatMap(([path, meaning]) => ['.TP', `\\fI${plain(path)}\\fR`, sentence(meaning)]),
    '.SH SEE ALSO',
    seeAlso
      .map((page) => page.replace(/^(.*)(\(\d\))$/, (_, name, section) => `${bold(name)}${section}`))
      .join(',\n'),
  ].join('\n');
};

const EXITS = [
  ['0', 'what was asked for was done'],
  ['1', 'it was refused by a rule, or it failed; standard error says why, and mostly what to do'],
  ['2', 'the command line was not understood'],
] as const;

const ENVIRONMENT = [
  ['NO_COLOR', 'no colours, also on a terminal'],
  [
    'WG_USERSPACE_IMPLEMENTATION',
    'the program that carries the traffic where the kernel does not: wireguard-go unless told',
  ],
] as const;

/** Adds the verb that prints the page, for packaging. */
export const addManualVerb = (program: Command, facts: ManualFacts): void => {
  const summary = 'print the manual page';
  verb(program, 'manual', { summary, examples: ['manual'] }, { hidden: true }).action(() =>
    answer(manualPage(grammarOf(program), facts)),
  );
};
