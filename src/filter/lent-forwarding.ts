/**
 * Forwarding of single interfaces, turned on for a relay and put back later. A journal is written before each change,
 * so that it is put back also after a kill.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { replaceNow } from '../machine/durable.ts';
import type { Ip } from '../values/ip.ts';

const everywhere = '/proc/sys/net/ipv4/ip_forward';
const switchOf = (device: string): string => `/proc/sys/net/ipv4/conf/${device}/forwarding`;

const isOn = (path: string): boolean => {
  try {
    return readFileSync(path, 'utf8').trim() !== '0';
  } catch {
    return false;
  }
};

const address = (hex: string): number => Buffer.from(hex, 'hex').readUInt32LE();

/** Of the main table of routes; undefined: no route leads there. */
export const interfaceTowards = (host: Ip): string | undefined => {
  try {
    return bestRoute(readFileSync('/proc/net/route', 'utf8'), host);
  } catch {
    return undefined;
  }
};

/** The interface of the best route in the text of `/proc/net/route`. */
export const bestRoute = (routes: string, host: Ip): string | undefined => {
  const wanted = host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  let best: { device: string; mask: number; metric: number } | undefined;
  for (const line of routes.split('\n').slice(1)) {
    const [device = '', to = '', , , , , metric = '0', by = ''] = line.split('\t');
    if (to.length !== 8) continue;
    const mask = address(by.trim());
    if ((wanted & mask) >>> 0 !== address(to)) continue;
    const isBetter = !best || mask > best.mask || (mask === best.mask && Number(metric) < best.metric);
    if (isBetter) best = { device, mask, metric: Number(metric) };
  }
  return best?.device;
};

export class LentForwarding {
  readonly #journal: string;
  readonly #lent: Set<string>;

  constructor(journal: string) {
    this.#journal = journal;
    this.#lent = new Set(lentIn(journal));
  }

  /** Those that forward for us alone; none where the machine forwards anyway. */
  get lent(): string[] {
    return isOn(everywhere) ? [] : [...this.#lent].sort();
  }

  /** Whether packets from this host can be sent on. Throws the system's error. */
  lend(host: Ip): boolean {
    const device = interfaceTowards(host);
    if (device === undefined) return false;
    if (isOn(switchOf(device))) return true;
    this.#lent.add(device);
    replaceNow(this.#journal, `${[...this.#lent].join('\n')}\n`);
    writeFileSync(switchOf(device), '1');
    return isOn(switchOf(device));
  }
}

/** The interfaces that a journal holds; none without one. */
export const lentIn = (journal: string): string[] => {
  try {
    return readFileSync(journal, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
};

/** Puts back what a journal holds. Interfaces that are gone need nothing. */
export const putForwardingBack = (journal: string): void => {
  if (!isOn(everywhere))
    for (const device of lentIn(journal)) if (isOn(switchOf(device))) writeFileSync(switchOf(device), '0');
  rmSync(journal, { force: true });
};
