/** Marks of packets that programs of ours pass on, in bits that others seldom use, so that one's table spares another's. */

const MARK_BITS = '0xff0000';
const OTHER_BITS = '0xff00ffff';

export const RELAYED = '0x690000';
/** Between peers and what lies behind a router. */
export const CARRIED = '0x6a0000';
/** What others send into a router's tunnel. */
export const FOREIGN = '0x6b0000';

export const isMarked = (mark: string): string => `meta mark and ${MARK_BITS} == ${mark}`;
export const setMark = (mark: string): string => `meta mark set meta mark and ${OTHER_BITS} or ${mark}`;
