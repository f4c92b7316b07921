/** Loads koffi by its native file: its own search takes most of the load time. */
import { createRequire } from 'node:module';
import type koffi from 'koffi';

type Koffi = typeof koffi;

const load = createRequire(import.meta.url);

/** koffi searches if the file is missing or for another libc. */
export const openKoffi = (arch: string = process.arch): Koffi => {
  try {
    return load(`@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`) as Koffi;
  } catch {
    return load('koffi') as Koffi;
  }
};

/** The kernel's name for the last call's error, such as `ENODEV`. */
export const lastError = (koffi: Koffi): string => {
  const number = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
};
