/**
 * Forwarding of single interfaces, turned on for a relay, phones or routes and put back later. A journal is written before each change,
 * so that it is put back also after a kill.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { replaceNow } from '../machine/durable.ts';
import { Failure } from '../values/failure.ts';
import { type Family, familyOf, type Ip } from '../values/ip.ts';
import { bestRoute } from './best-route.ts';

/** Of one interface; IPv6 has it since Linux 6.17. */
type Switch = { family: Family; device: string };

/** How journals are named, by network. */
const JOURNAL = /forwarding$/;

const everywhere = (family: Family): string =>
  `/proc/sys/net/${family === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding'}`;

const pathOf = ({ family, device }: Switch): string =>
  `/proc/sys/net/${family === 4 ? `ipv4/conf/${device}/forwarding` : `ipv6/conf/${device}/force_forwarding`}`;

/** As sysctl names it. */
const nameOf = (lent: Switch): string => pathOf(lent).slice('/proc/sys/'.length);

const isOn = (path: string): boolean => {
  try {
    return readFileSync(path, 'utf8').trim() !== '0';
  } catch {
    return false;
  }
};

/** Whether the kernel can forward by one interface alone, or does so by all. */
export const canLend = (family: Family): boolean =>
  isOn(everywhere(family)) || existsSync(pathOf({ family, device: 'all' }));

/** Why this program cannot turn it on, in a sentence; undefined: it is on, or can be. */
export const lendingTrouble = (wanted: Switch): string | undefined => {
  if (isOn(everywhere(wanted.family)) || isOn(pathOf(wanted))) return undefined;
  if (!canLend(wanted.family))
    return 'this machine does not forward IPv6, and Linux before 6.17 cannot by one interface alone';
  try {
    accessSync(pathOf(wanted), constants.W_OK);
    return undefined;
  } catch (error) {
    return mayNot(wanted, error as NodeJS.ErrnoException).message;
  }
};

/** Whether packets that come in by an interface, or without one by all, are sent on. */
export const isForwarding = ({ family, device }: { family: Family; device?: string }): boolean =>
  isOn(everywhere(family)) || (device !== undefined && isOn(pathOf({ family, device })));

/** Of the main table of routes; undefined: no route leads there. */
export const interfaceTowards = (host: Ip): string | undefined => {
  try {
    return bestRoute(
      host,
      readFileSync(`/proc/net/${familyOf(host) === 4 ? 'route' : 'ipv6_route'}`, 'utf8'),
    );
  } catch {
    return undefined;
  }
};

export class LentForwarding {
  readonly #journal: string;
  readonly #lent: Map<string, Switch>;

  constructor(journal: string) {
    this.#journal = journal;
    this.#lent = new Map(lentIn(journal).map((lent) => [nameOf(lent), lent]));
  }

  /** Interfaces that forward a family for us alone; none where the machine forwards it anyway. */
  lent(family: Family): string[] {
    if (isOn(everywhere(family))) return [];
    const lent = [...this.#lent.values()].filter((one) => one.family === family);
    return lent.map(({ device }) => device).sort();
  }

  /** Whether packets from this host can be sent on. Throws a `Failure` where this program may not see to it. */
  lend(host: Ip): boolean {
    const [family, device] = [familyOf(host), interfaceTowards(host)];
    return device !== undefined && this.lendTo({ family, device });
  }

  /** Whether packets that come in by this interface are sent on. Throws like `lend`. */
  lendTo(wanted: Switch): boolean {
    if (isOn(everywhere(wanted.family))) return true;
    if (isOn(pathOf(wanted))) {
      if (isHeldElsewhere(this.#journal, wanted)) this.#note(nameOf(wanted), wanted);
      return true;
    }
    this.#note(nameOf(wanted), wanted);
    try {
      writeFileSync(pathOf(wanted), '1');
    } catch (error) {
      this.#note(nameOf(wanted), undefined);
      throw mayNot(wanted, error as NodeJS.ErrnoException);
    }
    return isOn(pathOf(wanted));
  }

  /** Turned off again for a family, until it is lent again. */
  giveBack(family: Family): void {
    for (const [name, lent] of [...this.#lent]) {
      if (lent.family !== family) continue;
      turnOff(this.#journal, lent);
      this.#note(name, undefined);
    }
  }

  #note(name: string, lent: Switch | undefined): void {
    if (lent) this.#lent.set(name, lent);
    else this.#lent.delete(name);
    replaceNow(this.#journal, [...this.#lent.values()].map(lineOf).join(''));
  }
}

const mayNot = (wanted: Switch, cause: NodeJS.ErrnoException): Failure =>
  new Failure(
    `this program may not turn on forwarding of ${wanted.device} (${cause.code}); an administrator may: sudo sysctl -w ${nameOf(wanted)}=1`,
    { cause },
  );

const lineOf = ({ family, device }: Switch): string => `${device} ${family}\n`;

/** What a journal holds; nothing without one. */
const lentIn = (journal: string): Switch[] => {
  try {
    const lines = readFileSync(journal, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => {
      const [device = '', family] = line.split(' ');
      return { device, family: family === '6' ? 6 : 4 };
    });
  } catch {
    return [];
  }
};

/** Another of our programs on this machine has lent it too, and gives it back itself. */
const isHeldElsewhere = (journal: string, wanted: Switch): boolean => {
  const folder = dirname(journal);
  const others = readdirSync(folder).filter((name) => JOURNAL.test(name) && name !== basename(journal));
  return others.some((name) => lentIn(join(folder, name)).some((lent) => nameOf(lent) === nameOf(wanted)));
};

const turnOff = (journal: string, lent: Switch): void => {
  if (isOn(everywhere(lent.family)) || !isOn(pathOf(lent)) || isHeldElsewhere(journal, lent)) return;
  writeFileSync(pathOf(lent), '0');
};

/** In words, what `putForwardingBack` would do. */
export const ordersToPutForwardingBack = (journal: string): string[] =>
  lentIn(journal).map(({ family, device }) => `turn forwarding of IPv${family} off again for ${device}`);

/** Puts back what a journal holds. Interfaces that are gone need nothing. */
export const putForwardingBack = (journal: string): void => {
  for (const lent of lentIn(journal)) turnOff(journal, lent);
  rmSync(journal, { force: true });
};
