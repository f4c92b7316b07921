/** A QR code drawn in a terminal: two rows of it a line, in half blocks. */

/** The quiet zone around it, which readers need. */
const BORDER_MODULES = 2;

/** Light modules are drawn: with white on black they are light on any terminal. */
const BLOCKS = { '11': '█', '10': '▀', '01': '▄', '00': ' ' } as const;

const lightAt = (row: readonly boolean[] | undefined, column: number): '0' | '1' =>
  row?.[column] ? '0' : '1';

/** The lowest error correction: a screen has no scratches, and a smaller code fits. */
export const qrLines = async (text: string): Promise<string[]> => {
  const { default: encode } = await import('qr');
  const rows = encode(text, 'raw', { ecc: 'low', border: BORDER_MODULES });
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
