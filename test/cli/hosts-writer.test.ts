// When names are written: after they changed, once a minute if another program has put back older ones, and never in vain.
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HostsWriter } from '../../src/cli/hosts-writer.ts';
import type { Ip } from '../../src/values/ip.ts';
import type { InterfaceName } from '../../src/values/name.ts';

const OLD = '127.0.0.1 localhost\n';
let folder: string;
let hostsPath: string;
let said: string[];
let writer: HostsWriter;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  folder = mkdtempSync(join(tmpdir(), 'hosts-writer-'));
  hostsPath = join(folder, 'hosts');
  writeFileSync(hostsPath, OLD);
  said = [];
  const peers = () => [{ name: 'ann', ip: '10.42.1.1' as Ip }];
  const options = { hostsPath, writeHosts: true };
  const tell = ({ message }: Error) => void said.push(message);
  writer = new HostsWriter('acme' as InterfaceName, options, peers, tell, join(folder, 'run', 'lock'));
});
afterEach(async () => {
  vi.useRealTimers();
  await writer.close();
  rmSync(folder, { recursive: true });
});

const names = (): string => readFileSync(hostsPath, 'utf8');
/** Lets so many milliseconds pass, and what began then come to its end. */
const pass = async (milliseconds: number): Promise<void> => {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await writer.idle;
};

it('looks once a minute, and writes only what another program has undone', async () => {
  writer.soon(100);
  await pass(100);
  expect(names()).toContain('10.42.1.1 ann.acme.wg');
  const { ino } = statSync(hostsPath);
  await pass(120_000);
  expect(statSync(hostsPath).ino).toBe(ino);
  writeFileSync(hostsPath, OLD);
  await pass(60_000);
  expect(names()).toContain('10.42.1.1 ann.acme.wg');
  await writer.close();
  writeFileSync(hostsPath, OLD);
  await pass(120_000);
  expect(names()).toBe(OLD);
});

it('tells the same trouble once, until it is over', async () => {
  rmSync(hostsPath);
  mkdirSync(hostsPath);
  writer.soon(0);
  await pass(0);
  await pass(180_000);
  expect(said).toEqual([expect.stringContaining(`cannot write the names of peers into ${hostsPath}`)]);
  rmdirSync(hostsPath);
  await pass(60_000);
  rmSync(hostsPath);
  mkdirSync(hostsPath);
  await pass(60_000);
  expect(said).toHaveLength(2);
});
