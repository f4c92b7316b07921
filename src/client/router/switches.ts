/** Forwarding as a router needs it: lent by single interfaces where the kernel can, noticed when others turn it off. */

import {
  isLentEverywhere,
  lendEverywhere,
  ordersToPutEverywhereBack,
  putEverywhereBack,
} from '../../filter/lent-everywhere.ts';
import {
  canLend,
  isForwarding,
  LentForwarding,
  lendingTrouble,
  ordersToPutForwardingBack,
  putForwardingBack,
} from '../../filter/lent-forwarding.ts';
import type { Family } from '../../values/ip.ts';
import { openLibc } from '../../wireguard/libc.ts';
import type { NetworkPaths } from '../memory/paths.ts';

export type SwitchPaths = Pick<NetworkPaths, 'routerForwarding' | 'routerSysctls'>;

export class Switches {
  readonly #paths: SwitchPaths;
  readonly #family: Family;
  /** Those that were seen on, by interface and its number: one that is made again begins anew. */
  readonly #wereOn = new Set<string>();

  constructor(paths: SwitchPaths, family: Family) {
    this.#paths = paths;
    this.#family = family;
  }

  /** What has to be in the table before these interfaces forward. */
  toLend(devices: readonly string[]): readonly string[] | 'all' {
    const { routerForwarding: journal, routerSysctls } = this.#paths;
    if (isLentEverywhere(routerSysctls)) return 'all';
    if (isForwarding({ family: this.#family })) return [];
    if (!canLend(this.#family)) return 'all';
    const family = this.#family;
    const lent = new LentForwarding(journal).lent(family);
    const off = devices.filter((device) => !isForwarding({ family, device }));
    return [...new Set([...lent, ...off])].sort();
  }

  /** Throws a `Failure` where this program may not. Those that somebody has turned off stay so. */
  lend(devices: readonly string[]): void {
    const family = this.#family;
    for (const device of devices) {
      if (this.#isTurnedOff(device)) continue;
      if (canLend(family)) new LentForwarding(this.#paths.routerForwarding).lendTo({ family, device });
      else lendEverywhere(this.#paths.routerSysctls);
      if (isForwarding({ family, device })) this.#wereOn.add(keyOf(device));
    }
  }

  /** In a sentence, why these interfaces do not forward, or could not. */
  trouble(devices: readonly string[]): string | undefined {
    const family = this.#family;
    for (const device of devices) {
      if (this.#isTurnedOff(device)) return `its forwarding of ${device} was turned off by another program`;
      const trouble = canLend(family) ? lendingTrouble({ family, device }) : undefined;
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  }

  #isTurnedOff(device: string): boolean {
    return this.#wereOn.has(keyOf(device)) && !isForwarding({ family: this.#family, device });
  }

  /** This machine's user has spoken: what others turned off is turned on again. */
  forget(): void {
    this.#wereOn.clear();
  }

  giveBack(): void {
    putSwitchesBack(this.#paths);
    this.#wereOn.clear();
  }
}

const keyOf = (device: string): string => `${device} ${openLibc().deviceIndex(device)}`;

export const putSwitchesBack = ({ routerForwarding, routerSysctls }: SwitchPaths): void => {
  putForwardingBack(routerForwarding);
  putEverywhereBack(routerSysctls);
};

/** In words, what `putSwitchesBack` would do. */
export const ordersToPutSwitchesBack = ({ routerForwarding, routerSysctls }: SwitchPaths): string[] => [
  ...ordersToPutForwardingBack(routerForwarding),
  ...ordersToPutEverywhereBack(routerSysctls),
];
