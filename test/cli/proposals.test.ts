// What may stand in the place of a line's last word, read by the grammar.
import { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { grammarOf } from '../../src/cli/grammar.ts';
import { placeOf } from '../../src/cli/proposals.ts';

const program = new Command('inn')
  .option('-c, --config-dir <folder>', 'where it is')
  .option('-v', 'say more');
program
  .command('move-peer')
  .alias('mv')
  .description('move a peer')
  .argument('[network]')
  .argument('[others...]')
  .option('--name <peer>', 'which')
  .addOption(new Option('--how <way>', 'how').choices(['fast', 'slow']))
  .addOption(new Option('--late', 'understood, not shown').hideHelp());
const grammar = grammarOf(program);

/** The kind of place, or the words that may stand there. */
const at = (...words: string[]) => {
  const { words: listed, kind } = placeOf(grammar, words);
  return listed.length > 0 ? listed.map(({ word }) => word) : kind;
};

describe('the last word is', () => {
  it.each([[['']], [['m']], [['-c', 'etc', '']], [['-c=etc', '-v', '']]])('a verb after %j', (words) =>
    expect(at(...words)).toEqual(['move-peer', 'mv', 'help']),
  );

  it.each([
    [['-'], ['-c', '--config-dir', '-v', '-h', '--help']],
    [
      ['mv', '--n'],
      ['--name', '--how', '-h', '--help'],
    ],
    [['mv', ''], 'network'],
    [['mv', 'acme', ''], 'free'],
    [['mv', 'acme', 'a', 'b', ''], 'free'],
    [['mv', '--late', 'acme', '--name', ''], 'peer'],
    [['mv', '--mtu', '1400', ''], 'network'],
    [['mv', '--data-dir', ''], 'folder'],
    [['mv', 'acme', '--name', '=', 'a'], 'peer'],
    [['mv', '--name=a'], 'peer'],
    [
      ['mv', '--how', 's'],
      ['fast', 'slow'],
    ],
    [['-c', ''], 'folder'],
    [['unknown', '-'], 'free'],
    [['unknown', ''], 'free'],
  ])('after %j: %j', (words, expected) => expect(at(...words)).toEqual(expected));
});

it('what stands before a value in the same word stays, and what is known of the line is told', () => {
  const place = placeOf(grammar, ['-c', 'etc', 'mv', 'acme', '--name=a']);
  expect(place).toMatchObject({
    start: '--name=',
    typed: 'a',
    network: 'acme',
    folders: { configDir: 'etc' },
  });
  expect(placeOf(grammar, ['mv', 'acme', '--name', '='])).toMatchObject({ start: '', typed: '' });
});
