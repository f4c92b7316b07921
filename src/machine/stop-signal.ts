/** The signals by which a program is asked to end: SIGTERM from a supervisor, SIGINT from a terminal. */

/** Resolves at the first of them. */
export const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
