/** A QR code: drawn in a terminal, two rows of it a line in half blocks, or as a path. */

/** The quiet zone around it, which readers need. */
const BORDER_MODULES = 2;

/** Light modules are drawn: with white on black they are light on any terminal. */
const BLOCKS = { '11': '█', '10': '▀', '01': '▄', '00': ' ' } as const;

const lightAt = (row: readonly boolean[] | undefined, column: number): '0' | '1' =>
  row?.[column] ? '0' : '1';

/** The lowest error correction: a screen has no scratches, and a smaller code fits. */
const modulesOf = async (text: string): Promise<readonly (readonly boolean[])[]> => {
  const { default: encode } = await import('qr');
  return encode(text, 'raw', { ecc: 'low', border: BORDER_MODULES });
};

/** Its dark parts, row by row, as the path of an SVG whose unit is a module. */
export const qrPath = async (text: string): Promise<{ side: number; path: string }> => {
  const rows = await modulesOf(text);
  const runsOf = (row: readonly boolean[], y: number): string[] => {
    const bits = row.map((dark) => (dark ? '1' : '0')).join('');
    return Array.from(
      bits.matchAll(/1+/g),
      ({ 0: run, index }) => `M${index} ${y}h${run.length}v1h-${run.length}z`,
    );
  };
  return { side: rows.length, path: rows.flatMap(runsOf).join('') };
};

export const qrLines = async (text: string): Promise<string[]> => {
  const rows = await modulesOf(text);
  const lines: string[] = [];
  for (let at = 0; at < rows.length; at += 2)
    lines.push(
      Array.from(
        rows[at] ?? [],
        (_, column) => BLOCKS[`${lightAt(rows[at], column)}${lightAt(rows[at + 1], column)}`],
      ).join(''),
    );
  return lines;
};
