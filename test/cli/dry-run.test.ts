// Every verb of both programs either only looks, or can say beforehand what it would change, also as JSON.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** They look, or write down a copy for others. */
const LOOK = [
  ...[
    'show',
    'doctor',
    'list-peers',
    'list-invitations',
    'list-cidrs',
    'list-associations',
    'list-relays',
    'list-routes',
    'standbys',
    'phone-config',
    'ping',
  ],
  ...['history', 'state', 'diff', 'why', 'head', 'verify', 'verify-export', 'export', 'backup'],
  ...['completions', 'help'],
];
/** They put the network as it is recorded into force, or show it in a browser, and decide nothing. */
const FOLLOW = ['serve', 'up', 'fetch', 'ui'];

/** The verbs of a program with the flags of each, from the page that is made of its whole grammar. */
const verbsOf = (program: string): Map<string, string[]> => {
  const page = execFileSync(process.execPath, [resolve(`dist/${program}.js`), 'manual'], {
    encoding: 'utf8',
  });
  const sections = page.split(/^\.SS /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [title = ''] = section.split(/[ ,\n]/);
      const flags = [...section.matchAll(/^(?:\\fB-\w\\fR, )?\\fB(\\-\\-[a-z\\-]+)\\fR/gm)];
      return [plain(title), flags.map(([, flag = '']) => plain(flag))];
    }),
  );
};

const plain = (roff: string): string => roff.replace(/\\f[BIR]/g, '').replaceAll('\\-', '-');

describe.each(['innernet', 'innernet-server'])('%s', (program) => {
  const verbs = verbsOf(program);

  it('has the verbs that this test knows of', () => {
    expect(verbs.size).toBeGreaterThan(30);
    expect(verbs.get('history')).toContain('--json');
  });

  it('says with --dry-run what each verb would change, also as JSON', () => {
    const changing = [...verbs].filter(([name]) => ![...LOOK, ...FOLLOW].includes(name));
    expect(changing.length).toBeGreaterThan(20);
    for (const flag of ['--dry-run', '--json'])
      expect(changing.filter(([, flags]) => !flags.includes(flag)).map(([name]) => name)).toEqual([]);
  });

  it('answers each look with JSON, where that says more than the answer itself', () => {
    const looks = [...verbs].filter(
      ([name]) => LOOK.includes(name) && !['completions', 'help'].includes(name),
    );
    expect(looks.filter(([, flags]) => !flags.includes('--json')).map(([name]) => name)).toEqual([]);
  });
});
