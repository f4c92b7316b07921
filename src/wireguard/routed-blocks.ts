/** Keeps the kernel's routes of blocks beyond a network's range; they go with its device. */
import { Turns } from '../machine/turns.ts';
import { type Cidr, type Family, networkOf } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { blockOf, type RouteJson } from './guard.ts';
import { failureOf, run, sure } from './program.ts';

/** Of routes that we made: a number that no routing daemon has (rtnetlink(7), `rtm_protocol`). */
const PROTOCOL = 105;

/** Lines for `ip`; none if all is right. Another program's route to a block is left alone, and refuses ours. */
export const routeLines = (name: InterfaceName, has: readonly Cidr[], wants: readonly Cidr[]): string[] => [
  ...has.filter((block) => !wants.includes(block)).map((block) => line('del', name, block)),
  ...wants.filter((block) => !has.includes(block)).map((block) => line('add', name, block)),
];

const line = (verb: 'add' | 'del', name: InterfaceName, block: Cidr): string =>
  `route ${verb} ${block} dev ${name} proto ${PROTOCOL}`;

/** None without a device. Throws a `Failure`. */
const routedTo = async (name: InterfaceName, family: Family): Promise<Cidr[]> => {
  const args = ['-json', `-${family}`, 'route', 'show', 'dev', name, 'proto', String(PROTOCOL)];
  const { code, stdout, stderr } = await run('ip', args);
  if (code !== 0 && /does not exist|cannot find device/i.test(stderr)) return [];
  if (code !== 0) throw failureOf('ip', stderr.trim());
  const routes: RouteJson[] = JSON.parse(stdout || '[]');
  return routes.flatMap((route) => blockOf(route) ?? []);
};

export class RoutedBlocks {
  readonly #name: InterfaceName;
  readonly #family: Family;
  readonly #turns = new Turns();
  #wants: readonly Cidr[] = [];
  /** Whether there may be any: a machine without routes starts no program. */
  #isTouched = true;

  constructor(name: InterfaceName, family: Family) {
    this.#name = name;
    this.#family = family;
  }

  /** Makes and removes what differs. Throws a `Failure`; what could be done is done. */
  keep(blocks: readonly Cidr[]): Promise<void> {
    this.#wants = [...new Set(blocks.map(networkOf))];
    return this.#turns.take(async () => {
      if (this.#wants.length === 0 && !this.#isTouched) return;
      const lines = routeLines(this.#name, await routedTo(this.#name, this.#family), this.#wants);
      if (lines.length > 0)
        await sure('ip', [`-${this.#family}`, '-force', '-batch', '-'], `${lines.join('\n')}\n`);
      this.#isTouched = this.#wants.length > 0;
    });
  }
}
