// A phone's camera: what another library than ours reads in a QR code that was drawn in a terminal.
import jsqr from 'jsqr';

/** Its types say that the function is in `default`, its module is the function. */
const jsQr = jsqr as unknown as typeof jsqr.default;

/** Readers want no less for a module. */
const DOTS = 4;

/** Of the drawn lines; each module is some dots wide. */
export const scanned = (drawn: string): string | undefined => {
  const lines = drawn.split('\n').filter((line) => /[█▀▄]/.test(line));
  const rows = lines.flatMap((line) => [
    [...line].map((block) => '█▀'.includes(block)),
    [...line].map((block) => '█▄'.includes(block)),
  ]);
  const width = (rows[0]?.length ?? 0) * DOTS;
  const pixels = new Uint8ClampedArray(rows.length * DOTS * width * 4).fill(255);
  rows.forEach((row, y) => {
    for (let at = 0; at < DOTS * width; at++) {
      const isLight = row[Math.floor((at % width) / DOTS)];
      pixels.fill(isLight ? 255 : 0, (y * DOTS * width + at) * 4, (y * DOTS * width + at) * 4 + 3);
    }
  });
  return jsQr(pixels, width, rows.length * DOTS)?.data;
};
