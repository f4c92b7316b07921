/** The kernel's rules and routes by which all that has no nearer route leaves by a network's device, or not at all. */
import type { Family } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { failureOf, run } from './program.ts';

/** "in": of packets that go around the exit, such as those that carry the tunnel itself. */
export const EXIT_MARK = 0x696e;
/** Of the table with the exit, and before the one of the second rule. */
const TABLE = 0x696e;
const NEAR = 26_990;
const FAR = 26_991;
/** The last metric: what is left when the device is gone. */
const LAST = 65_535;

/** As `ip -json` prints them, in part. */
export type ExitRule = {
  priority: number;
  fwmark?: string;
  not?: null;
  table?: string;
  suppress_prefixlen?: number;
};
export type ExitRoute = { dst: string; dev?: string; type?: string };

/** What one family has of it. */
export type ExitState = { rules: readonly ExitRule[]; routes: readonly ExitRoute[] };

const near = `priority ${NEAR} lookup main suppress_prefixlength 0`;
const far = `not fwmark ${EXIT_MARK} priority ${FAR} lookup ${TABLE}`;
const out = (name: InterfaceName): string => `default dev ${name} table ${TABLE}`;
const nowhere = `unreachable default table ${TABLE} metric ${LAST}`;

const isOurs = ({ priority }: ExitRule): boolean => priority === NEAR || priority === FAR;
const isNear = ({ priority, table, suppress_prefixlen }: ExitRule): boolean =>
  priority === NEAR && table === 'main' && suppress_prefixlen === 0;
const isFar = ({ priority, table, fwmark }: ExitRule): boolean =>
  priority === FAR && table === String(TABLE) && fwmark !== undefined;

/** Lines for `ip` that complete the exit: the routes first, so that no packet of a rule finds none. */
export const exitLines = (
  { rules, routes }: ExitState,
  { name, carries }: { name: InterfaceName; carries: boolean },
): string[] => [
  ...(routes.some(({ type }) => type === 'unreachable') ? [] : [`route add ${nowhere}`]),
  ...(carries && !routes.some(({ dev, type = 'unicast' }) => type === 'unicast' && dev === name)
    ? [`route replace ${out(name)}`]
    : []),
  ...(rules.some(isFar) ? [] : [`rule add ${far}`]),
  ...(rules.some(isNear) ? [] : [`rule add ${near}`]),
];

/** Lines for `ip` that take it back: the rules first. */
export const exitRemovals = ({ rules, routes }: ExitState): string[] => [
  ...rules.filter(isOurs).map(({ priority }) => `rule del priority ${priority}`),
  ...(routes.length > 0 ? [`route flush table ${TABLE}`] : []),
];

const FAMILIES = [4, 6] as const;

/** The kernel lacks the family, or has no such table. */
const isAbsence = (complaint: string): boolean => /does not exist|not supported/i.test(complaint);

const listOf = async <T>(family: Family, ...words: string[]): Promise<T[]> => {
  const { code, stdout, stderr } = await run('ip', ['-json', '-details', `-${family}`, ...words]);
  if (code !== 0 && !isAbsence(stderr)) throw failureOf('ip', stderr.trim());
  return code === 0 && stdout.trim() !== '' ? JSON.parse(stdout) : [];
};

const stateOf = async (family: Family): Promise<ExitState> => ({
  rules: await listOf<ExitRule>(family, 'rule', 'show'),
  routes: await listOf<ExitRoute>(family, 'route', 'show', 'table', String(TABLE)),
});

const carryOut = async (family: Family, lines: readonly string[]): Promise<void> => {
  if (lines.length === 0) return;
  const { code, stderr } = await run('ip', [`-${family}`, '-force', '-batch', '-'], `${lines.join('\n')}\n`);
  if (code !== 0 && !isAbsence(stderr)) throw failureOf('ip', stderr.trim());
};

/** `carried`: the family whose packets the exit carries; those of the other go nowhere. Throws a `Failure`. */
export const keepExit = async (name: InterfaceName, carried: Family): Promise<void> => {
  for (const family of FAMILIES)
    await carryOut(family, exitLines(await stateOf(family), { name, carries: family === carried }));
};

/** Throws a `Failure`. */
export const removeExit = async (): Promise<void> => {
  for (const family of FAMILIES) await carryOut(family, exitRemovals(await stateOf(family)));
};
