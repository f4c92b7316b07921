// A PNG of at most 256 colours, a third of the bytes of a browser's screenshot: for pictures of pages, which have few.
import { crc32, deflateSync } from 'node:zlib';

const MAX_COLOURS = 256;
/** Squared distance of colours that nobody tells apart: rare ones need the places. */
const TOO_NEAR = 60;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
};

const distance = (one: number, other: number): number => {
  let sum = 0;
  for (const shift of [16, 8, 0]) sum += (((one >> shift) & 255) - ((other >> shift) & 255)) ** 2;
  return sum;
};

/** The colours that occur most, not too near to each other, and for each colour the nearest of them. */
const paletteOf = (pixels: Uint32Array): { palette: number[]; indexOf: Map<number, number> } => {
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const byCount = [...counts].sort((left, right) => right[1] - left[1]).map(([colour]) => colour);
  const palette: number[] = [];
  const indexOf = new Map<number, number>();
  for (const colour of byCount) {
    const distances = palette.map((each) => distance(each, colour));
    const nearest = Math.min(Number.POSITIVE_INFINITY, ...distances);
    if (palette.length < MAX_COLOURS && nearest > TOO_NEAR) indexOf.set(colour, palette.push(colour) - 1);
    else indexOf.set(colour, distances.indexOf(nearest));
  }
  return { palette, indexOf };
};

/** `rgba`: four bytes a pixel, row by row; what is transparent is not kept. */
export const smallPng = (rgba: Uint8Array, width: number, height: number): Buffer => {
  const pixels = new Uint32Array(width * height).map(
    (_, at) => ((rgba[at * 4] ?? 0) << 16) | ((rgba[at * 4 + 1] ?? 0) << 8) | (rgba[at * 4 + 2] ?? 0),
  );
  const { palette, indexOf } = paletteOf(pixels);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      rows[y * (width + 1) + 1 + x] = indexOf.get(pixels[y * width + x] ?? 0) ?? 0;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // eight bits a pixel, by palette
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};
