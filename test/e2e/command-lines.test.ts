// Every verb and flag that innernet 2.0 has, found in the help of our programs; and every help has examples.
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const said = async (program: string, ...args: string[]): Promise<string> =>
  (await run(process.execPath, [resolve(`dist/${program}.js`), ...args])).stdout;
const helps = new Map<string, Promise<string>>();
const helpOf = (program: string, ...verb: string[]): Promise<string> => {
  const name = [program, ...verb].join(' ');
  const help = helps.get(name) ?? said(program, ...verb, '--help');
  helps.set(name, help);
  return help;
};

/** What stands before the verb, in both programs; the long forms are understood after it too. */
const GLOBAL = '-c --config-dir -d --data-dir --no-routing --backend --mtu';
const HOSTS = '--hosts-path --host-suffix --no-write-hosts';
const NAT = '--no-nat-traversal --exclude-nat-candidates --no-nat-candidates';
const EITHER = '--name --new-name --yes';

/** Verbs that both programs have. */
const BOTH = {
  'add-peer': '--name --cidr --ip --auto-ip --admin --save-config --invite-expires --yes',
  'rename-peer': EITHER,
  'enable-peer': '--name --yes',
  'disable-peer': '--name --yes',
  'add-cidr': '--name --cidr --parent --yes',
  'rename-cidr': EITHER,
  'delete-cidr': '--name --yes',
  'require-proof': '--name --yes --dry-run --json',
  'waive-proof': '--name --yes --dry-run --json',
  completions: '',
};

const VERBS: { [program: string]: { [verb: string]: string } } = {
  'innernet-server': {
    ...BOTH,
    new: '--network-name --network-cidr --allow-range --external-endpoint --auto-external-endpoint --listen-port',
    init: '--network-name --network-cidr --allow-range --external-endpoint --auto-external-endpoint --listen-port',
    serve: `--metrics --allow-forwarding ${HOSTS}`,
    uninstall: '--yes',
  },
  innernet: {
    ...BOTH,
    install: `--name --default-name -d --delete-invite --allow-range --allow-overlap ${HOSTS} ${NAT}`,
    redeem: `--name --default-name -d --delete-invite --allow-range --allow-overlap ${HOSTS} ${NAT}`,
    show: '-s --short -t --tree',
    list: '-s --short -t --tree',
    up: `-d --daemon --interval ${HOSTS} ${NAT}`,
    fetch: `${HOSTS} ${NAT}`,
    down: '',
    uninstall: '--yes',
    'list-cidrs': '-t --tree',
    'add-association': '--allow --yes',
    'limit-association': '--allow --yes',
    'unlimit-association': '--yes',
    'isolate-cidr': '--name --yes',
    'unisolate-cidr': '--name --yes',
    'delete-association': '--yes',
    'list-associations': '',
    'set-listen-port': '-l --listen-port -u --unset --yes',
    'serve-relay': '--port --off --yes',
    'offer-route': '--block --exit --off --yes',
    'use-exit': '--exit --yes',
    'override-endpoint': '-e --endpoint -u --unset --yes',
    'override-peer-endpoint': '--name -e --endpoint -u --unset --yes',
  },
};

const words = (text: string): string[] => text.split(' ').filter(Boolean);
/** Flags as they are spelt in a help: at the beginning of a line, or after a comma. */
const flagsOf = (help: string): string[] =>
  [...help.matchAll(/^ +(-[\w-]+)(?:, (-[\w-]+))?/gm)].flatMap(([, ...flags]) => flags.filter(Boolean));

describe.each(Object.keys(VERBS))('%s', (program) => {
  it('has the global flags, and -v', async () => {
    const flags = flagsOf(await helpOf(program));
    expect(flags).toEqual(expect.arrayContaining(words(`${GLOBAL} -v --verbose`)));
  });

  it.each(Object.entries(VERBS[program] ?? {}))('%s has %s, and examples', async (verb, wanted) => {
    const help = await helpOf(program, verb);
    expect(flagsOf(help)).toEqual(expect.arrayContaining(words(wanted)));
    expect(help).toMatch(new RegExp(`\nExamples:\n  ${program} `));
  });

  it('shows examples of each of its verbs in its manual page, which is made of what the help says', async () => {
    const list = (await helpOf(program)).split('Commands:')[1] ?? '';
    const verbs = [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, verb = '']) => verb);
    expect(verbs.length).toBeGreaterThan(20);
    const sections = (await said(program, 'manual')).replaceAll('\\-', '-').split('\n.SS ').slice(1);
    for (const verb of verbs.filter((name) => name !== 'help')) {
      const section = sections.find((text) => text.split('\n')[0]?.includes(`\\fB${verb}\\fR`));
      expect(section, verb).toContain(`\nExamples:\n.PP\n.nf\n.RS\n${program} `);
    }
  });
});

it('understands the long global flags after the verb too', async () => {
  const nowhere = ['--config-dir', '/nowhere', '--data-dir', '/nowhere'];
  const more = ['--no-routing', '--backend', 'userspace', '--mtu', '1400'];
  expect(JSON.parse(await said('innernet', 'show', '--json', ...nowhere, ...more))).toEqual([]);
});

it('says what there is where no verb is named', async () => {
  expect(await said('innernet', '-c', '/nowhere')).toBe('');
  const { stderr } = await run(process.execPath, [resolve('dist/innernet.js'), '-c', '/nowhere']);
  expect(stderr).toContain('no network is installed');
});
