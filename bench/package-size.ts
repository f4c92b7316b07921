/** What is installed: the package itself, and with its production dependencies. For information. */
import { execFileSync } from 'node:child_process';
import { alone, type Measured, type Row } from './figure.ts';

const MEBIBYTE = 2 ** 20;

const packed = (): { size: number; unpackedSize: number } => {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [found] = JSON.parse(text) as { size: number; unpackedSize: number }[];
  return found ?? { size: Number.NaN, unpackedSize: Number.NaN };
};

/** Bytes of the packages that an installation has besides ours, as they lie in node_modules. */
const dependencies = (): number => {
  const list = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const folders = list.trim().split('\n').slice(1);
  const sizes = execFileSync('du', ['-sb', '--exclude=node_modules', ...folders], { encoding: 'utf8' });
  return sizes
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.split('\t')[0]), 0);
};

const measure = async (): Promise<Measured[]> => {
  const { size, unpackedSize } = packed();
  return [
    alone({ name: 'package, packed', unit: 'MiB' }, [size / MEBIBYTE]),
    alone({ name: 'package, installed', unit: 'MiB' }, [unpackedSize / MEBIBYTE]),
    alone({ name: 'its production dependencies', unit: 'MiB' }, [dependencies() / MEBIBYTE]),
  ];
};

export const packageSize: Row = {
  name: 'package',
  what: 'size of the package and of its production dependencies',
  measure,
};
