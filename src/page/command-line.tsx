/** A command line that does the same, to be copied. */
import { useState } from 'preact/hooks';

export const CommandLine = ({ text }: { text: string }) => {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div class="command-line">
      <code>{text}</code>
      <button type="button" onClick={copy}>
        {isCopied ? 'copied' : 'copy'}
      </button>
    </div>
  );
};
