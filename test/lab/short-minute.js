// Loaded before a program (node --import): its timers of exactly a minute come after two seconds, all others when they are due.
// @ts-check
const MINUTE_MS = 60_000;
const SHORT_MS = 2_000;

for (const name of /** @type {const} */ (['setTimeout', 'setInterval'])) {
  const real = globalThis[name];
  /** @param {(...args: unknown[]) => void} callback @param {number} delay @param {unknown[]} args */
  const short = (callback, delay, ...args) => real(callback, delay === MINUTE_MS ? SHORT_MS : delay, ...args);
  Object.defineProperties(short, Object.getOwnPropertyDescriptors(real));
  Reflect.set(globalThis, name, short);
}
