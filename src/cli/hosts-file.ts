/** The names of peers in a hosts file: one marked block a network; all other bytes stay. */
import * as z from 'zod';
import { withFileLock } from '../machine/file-lock.ts';
import { contentOf } from '../machine/swapped-file.ts';
import { Failure } from '../values/failure.ts';
import type { Ip } from '../values/ip.ts';
import { type InterfaceName, isHostname } from '../values/name.ts';
import { editFile } from './edited-file.ts';

export type NamedAddress = { name: string; ip: Ip };

const begin = (network: string): string => `# DO NOT EDIT innernet ${network} BEGIN`;
const end = (network: string): string => `# DO NOT EDIT innernet ${network} END`;

/** No peer gets these, whatever the suffix. */
const OWN_NAMES = /^(localhost(\.localdomain)?|.*\.localhost|ip6-(localhost|loopback))$/i;

const DOTTED = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** Empty: bare names. */
export const HostSuffix = z.string().refine((text) => text === '' || DOTTED.test(text), {
  error: "a suffix has letters, digits, inner hyphens, and dots between them; '' for bare names",
});

/** Invalid host names and `localhost` get no line. */
export const hostLines = (peers: Iterable<NamedAddress>, suffix: string): string[] => {
  const lines: string[] = [];
  for (const { name, ip } of peers) {
    const full = suffix === '' ? name : `${name}.${suffix}`;
    if (isHostname(name) && DOTTED.test(full) && !OWN_NAMES.test(full)) lines.push(`${ip} ${full}`);
  }
  return lines;
};

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** Line numbers [from, to). A mark without its partner is a block by itself. */
const blocksIn = (lines: readonly string[], network: string): [number, number][] => {
  const blocks: [number, number][] = [];
  let open: number | undefined;
  for (const [index, line] of lines.entries()) {
    const mark = line.trimEnd();
    if (mark === begin(network)) {
      if (open !== undefined) blocks.push([open, open + 1]);
      open = index;
    } else if (mark === end(network)) {
      blocks.push([open ?? index, index + 1]);
      open = undefined;
    }
  }
  if (open !== undefined) blocks.push([open, open + 1]);
  return blocks;
};

/**
 * Replaces, appends or, without entries, removes the network's block. Latin-1 keeps every encoding that
 * contains ASCII.
 */
export const withBlock = (text: string, network: string, entries: readonly string[]): string => {
  const lines = linesOf(text);
  const [first, ...others] = blocksIn(lines, network);
  const eol = lines[0]?.endsWith('\r\n') ? '\r\n' : '\n';
  const block =
    entries.length > 0 ? [begin(network), ...entries, end(network)].map((line) => line + eol) : [];
  for (const [from, to] of others.toReversed()) lines.splice(from, to - from);
  if (first) lines.splice(first[0], first[1] - first[0], ...block);
  else if (block.length > 0) {
    if (lines.length > 0 && !lines.at(-1)?.endsWith('\n')) lines.push(eol);
    lines.push(...block);
  }
  return lines.join('');
};

/** Held by every writer of a hosts file: both programs, all networks. */
const LOCK = '/run/innernet/hosts.lock';

/**
 * Rewrites the network's block if it differs; readers see the old file or the new one. One writer at a time
 * on this machine, which calls `entries` under the lock. Keeps other programs' writes.
 */
export const writeHosts = async (
  path: string,
  network: InterfaceName,
  entries: () => readonly string[],
  lock: string = LOCK,
): Promise<void> => {
  const edited = (before: Buffer): Buffer =>
    Buffer.from(withBlock(before.toString('latin1'), network, entries()), 'latin1');
  try {
    const before = contentOf(path);
    if (edited(before).equals(before)) return;
    await withFileLock(lock, () => editFile(path, edited, { mode: 0o644 }));
  } catch (cause) {
    throw new Failure(`cannot write the names of peers into ${path}: ${(cause as Error).message}`, {
      hint: 'name another file: --hosts-path FILE; or none: --no-write-hosts',
      cause,
    });
  }
};
