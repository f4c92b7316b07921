/** How big the bench's networks are: whole by default, smaller to try the bench itself. */

let scale = 1;

/** `--scale`: a part of the whole, such as 0.1. */
export const setScale = (part: number): void => {
  scale = part;
};

/** That many clients, peers or events, or fewer on a small scale. */
export const scaled = (count: number): number => Math.max(10, Math.round(count * scale));
