/** This machine's exit: rules and routes that let nothing leave but through it, with a journal by which they are taken back. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { replaceNow } from '../../machine/durable.ts';
import { Turns } from '../../machine/turns.ts';
import type { Family } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { keepExit, removeExit } from '../../wireguard/exit-routing.ts';

/** Lets the check of a packet's way back see its mark. */
const VALID_MARK = '/proc/sys/net/ipv4/conf/all/src_valid_mark';

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

export type ExitOptions = {
  network: InterfaceName;
  family: Family;
  /** Holds the value that `VALID_MARK` had; it is there while any of this may stand. */
  journal: string;
  isOn: () => boolean;
  say: (message: string) => void;
};

export class Exit {
  readonly #options: ExitOptions;
  readonly #turns = new Turns();
  #trouble = '';

  constructor(options: ExitOptions) {
    this.#options = options;
  }

  /** Makes what is missing, or takes back what stands. Trouble is told once, and tried again by the next call. */
  keep(): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await this.#keep();
        this.#trouble = '';
      } catch (error) {
        const { message } = error as Error;
        if (message !== this.#trouble) this.#options.say(`the exit cannot be set: ${message}`);
        this.#trouble = message;
      }
    });
  }

  async #keep(): Promise<void> {
    const { network, family, journal, isOn } = this.#options;
    if (!isOn()) return forgetExit(journal);
    if (!existsSync(journal)) replaceNow(journal, `${textOf(VALID_MARK)}\n`);
    if (textOf(VALID_MARK) === '0') writeFileSync(VALID_MARK, '1');
    await keepExit(network, family);
  }
}

/** In words, what `forgetExit` would do. */
export const ordersToForgetExit = (journal: string): string[] =>
  existsSync(journal) ? ['let all packets leave as they did before the exit'] : [];

/** Takes back what a journal stands for; nothing without one. Throws a `Failure`. */
export const forgetExit = async (journal: string): Promise<void> => {
  if (!existsSync(journal)) return;
  await removeExit();
  if (textOf(journal) === '0' && textOf(VALID_MARK) === '1') writeFileSync(VALID_MARK, '0');
  rmSync(journal, { force: true });
};
