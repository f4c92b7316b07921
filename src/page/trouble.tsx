/** A refusal: why not, and what would help. */
import { CommandLine } from './command-line.tsx';
import type { PageRefusal } from './page.ts';

export const Trouble = ({ refusal: { sentence, hint, commandLine } }: { refusal: PageRefusal }) => (
  <div class="trouble" role="alert">
    <p>{sentence}</p>
    {hint ? <p class="dim">{hint}</p> : null}
    {commandLine ? <CommandLine text={commandLine} /> : null}
  </div>
);
