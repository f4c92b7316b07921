/** An action in work: what it would do, the question, and what it did. */
import { useEffect, useState } from 'preact/hooks';
import type { Network } from '../domain/network.ts';
import { CommandLine } from './command-line.tsx';
import { Dialog } from './dialog.tsx';
import type { Act, Page } from './page.ts';
import { ReachChange } from './reach.tsx';
import { Trouble } from './trouble.tsx';

const TITLES: { readonly [D in Act['intent']['do']]: string } = {
  invite: 'add a machine',
  'rename-peer': 'rename a peer',
  disable: 'disable a peer',
  enable: 'enable a peer',
  'delete-peer': 'delete a peer',
  'grant-admin': 'make an admin',
  'revoke-admin': 'make no admin',
  'revoke-invitation': 'revoke an invitation',
  'add-cidr': 'add a CIDR',
  'rename-cidr': 'rename a CIDR',
  'delete-cidr': 'delete a CIDR',
  associate: 'associate two CIDRs',
  'end-association': 'end an association',
  'limit-association': 'limit an association',
  'unlimit-association': 'lift a limit',
  'isolate-cidr': 'isolate peers of a CIDR',
  'unisolate-cidr': 'let peers of a CIDR see each other',
  'add-phone': 'add a phone',
  'rekey-phone': 'give a phone another key',
  undo: 'undo a commit',
  'undo-since': 'undo all since',
};

const STAGES: { readonly [S in Act['stage']]: string } = {
  preparing: 'asking the server what it would do…',
  shown: 'this would be recorded',
  committing: 'being done…',
  done: 'done',
  refused: 'refused',
};

type PreparedProps = {
  prepared: NonNullable<Act['prepared']>;
  stage: Act['stage'];
  networks: readonly Network[];
};

const Prepared = ({ prepared, stage, networks }: PreparedProps) => (
  <>
    <ul class="sentences">
      {prepared.sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
    {prepared.sentences.length === 0 ? <p>Nothing has to change.</p> : null}
    {stage === 'done' ? null : <ReachChange reach={prepared.reach} networks={networks} />}
    {prepared.obstacles.map(({ sentence, hint }) => (
      <p key={sentence} class="obstacle">
        cannot be undone: {sentence}; {hint}
      </p>
    ))}
    {prepared.warning && stage !== 'done' ? (
      <p class="warning" role="alert">
        {prepared.warning}
      </p>
    ) : null}
    <CommandLine text={prepared.commandLine} />
  </>
);

/** The file that the reader saves: it leaves the page by no other way. */
const Download = ({ name, text, code }: NonNullable<Act['download']>) => {
  const [url, setUrl] = useState('');
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: 'application/toml' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return (
    <>
      {code ? (
        <svg
          class="code"
          viewBox={`0 0 ${code.side} ${code.side}`}
          role="img"
          aria-label="QR code of the file"
        >
          <path d={code.path} />
        </svg>
      ) : null}
      <p>
        {code ? 'Scan it with WireGuard on the phone, or ' : ''}
        <a class="button main" href={url} download={name}>
          download {name}
        </a>{' '}
        It is shown once: hand it to the machine's owner; nobody else may see it.
      </p>
    </>
  );
};

export const ActDialog = ({ page }: { page: Page }) => {
  const act = page.act.value;
  if (!act) return null;
  const { intent, stage, prepared, refusal, notice, download } = act;
  const cancel = (): void => page.cancel();
  const networks = [act.after, page.shown.value].flatMap((shown) => shown?.network ?? []);
  return (
    <Dialog title={TITLES[intent.do]} close={cancel}>
      <p class="dim" role="status" aria-busy={stage === 'preparing' || stage === 'committing'}>
        {notice ? `${notice}; ` : ''}
        {STAGES[stage]}
      </p>
      {prepared ? <Prepared prepared={prepared} stage={stage} networks={networks} /> : null}
      {refusal ? <Trouble refusal={refusal} /> : null}
      {download ? <Download {...download} /> : null}
      <p class="answers">
        {stage === 'shown' ? (
          <button type="button" class="main" onClick={() => page.confirm()}>
            confirm
          </button>
        ) : null}
        <button type="button" onClick={cancel}>
          {stage === 'done' || stage === 'refused' ? 'close' : 'cancel'}
        </button>
      </p>
    </Dialog>
  );
};
