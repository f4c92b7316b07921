/** Describes a restored backup that this client has followed. */
import type { Notice } from './mirror.ts';

export const restoredSentence = ({ restoration, head }: Notice): string =>
  `an older copy of the network's history was put back: what came after position ${restoration.position - 1} was ` +
  `given up, and this machine had followed it to ${head.position}; whom it had seen go stays out until enabled`;
