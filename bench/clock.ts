/** The machine's monotonic clock in milliseconds: the same for every process, unlike `performance.now()`. */
export const clock = (): number => Number(process.hrtime.bigint()) / 1e6;
