/** The server's clock as it was last proved to this machine, and how far it has come since at least. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';

/** `told`: what the server's clock said, in milliseconds since 1970, when this machine's stood at `here`. */
export const ServerTime = z.object({
  told: z.number().int().nonnegative(),
  here: z.object({ boot: z.string().max(64), uptime: z.number().int().nonnegative() }),
});
export type ServerTime = z.infer<typeof ServerTime>;

/** A clock that nobody sets: which start of this machine, and the milliseconds since, those of a suspend too. */
export type MachineClock = ServerTime['here'];

export const machineClock = (): MachineClock => ({
  boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  uptime: Math.floor(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000),
});

/**
 * What the server's clock says now at the least, in milliseconds since 1970. How long this machine was off before it
 * started again is not known: its own clock may be wrong.
 */
export const timeThere = ({ told, here }: ServerTime, now: MachineClock): number =>
  here.boot === now.boot ? told + Math.max(0, now.uptime - here.uptime) : told;
