// Pages with commands and answers, read as steps that can be typed on the hosts of the lab.
/** One command line on a host, and the lines that the page shows as its answer; `…` in them stands for anything. */
export type Step = { host: string; command: string; background: boolean; answer: string[] };

const PROMPT = /^([a-z]+)# (.*)$/;

/** The steps of all `console` blocks of a Markdown page, in order. */
export const stepsOf = (markdown: string): Step[] => {
  const steps: Step[] = [];
  for (const [, block = ''] of markdown.matchAll(/^```console\n(.*?)^```$/gms)) {
    for (const line of block.split('\n').slice(0, -1)) {
      const [, host, typed] = PROMPT.exec(line) ?? [];
      if (host && typed) {
        const background = typed.endsWith(' &');
        steps.push({ host, command: background ? typed.slice(0, -2) : typed, background, answer: [] });
      } else steps.at(-1)?.answer.push(line);
    }
  }
  return steps;
};

/** A shown line as a pattern for a printed one. */
export const patternOf = (line: string): RegExp => {
  const parts = line.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
};

/** Whether what was printed has the shown lines, in their order. */
export const shows = (printed: string, answer: readonly string[]): boolean => {
  const lines = printed.split('\n');
  let from = 0;
  for (const shown of answer) {
    const pattern = patternOf(shown);
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at === -1) return false;
    from = at + 1;
  }
  return true;
};
