/** Bytes put together. */

/** The pieces, one after the other. */
export const joinedBytes = (pieces: readonly ArrayLike<number>[]): Uint8Array => {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
};
