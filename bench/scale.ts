/** How big the bench's networks are, and how often its long rows repeat: less to try the bench itself, or for a short run. */

let scale = 1;
let isFull = false;

/** `--scale`: a part of the whole, such as 0.1. */
export const setScale = (part: number): void => {
  scale = part;
};

/** `--full`: long rows repeat as often as their promise says. */
export const setFull = (full: boolean): void => {
  isFull = full;
};

/** That many clients, peers or events, or fewer on a small scale. */
export const scaled = (count: number): number => Math.max(10, Math.round(count * scale));

/** How often a long row repeats. */
export const repeated = (usually: number, full: number): number => (isFull ? full : usually);
