/** Finds the known word one typo away: a letter too many, too few, wrong or swapped. */

const isOneEdit = (one: string, other: string): boolean => {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (long.length > short.length) return short.slice(at) === long.slice(at + 1);
  const isSwapped =
    short[at] === long[at + 1] && short[at + 1] === long[at] && short.slice(at + 2) === long.slice(at + 2);
  return short !== long && (short.slice(at + 1) === long.slice(at + 1) || isSwapped);
};

/** The only known word within one edit, else undefined. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  const [near, ...others] = [...new Set(known)].filter((each) => isOneEdit(word, each));
  return others.length === 0 ? near : undefined;
};
