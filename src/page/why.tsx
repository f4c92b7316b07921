/** Why two peers can talk or cannot, in the server's own sentences, with the events that made it so. */
import { nameText } from '../domain/name-text.ts';
import { CommandLine } from './command-line.tsx';
import { Do } from './deeds.tsx';
import type { Page } from './page.ts';
import { Trouble } from './trouble.tsx';
import { timeText } from './words.ts';

export const Why = ({ page }: { page: Page }) => {
  const why = page.why.value;
  if (!why || why.state === 'asking') return <p aria-busy="true">asking the server…</p>;
  if (why.state === 'refused') return <Trouble refusal={why.refusal} />;
  const { peers, visible, reasons, since } = why.answer;
  return (
    <>
      <h2>{peers.map(({ name }) => nameText(name)).join(' – ')}</h2>
      <p class={`verdict ${visible ? 'associated' : 'none'}`}>
        {visible ? 'yes: they can talk' : 'no: they cannot talk'}
        {since ? `, since ${timeText(since.recordedAt)}` : ''}
      </p>
      {reasons.map(({ sentence, events, verbs }) => (
        <section key={sentence}>
          <p>{sentence}</p>
          <ul class="events">
            {events.map((event) => (
              <li key={event.position}>
                <span class="dim">
                  {event.position} {timeText(event.recordedAt)}
                </span>{' '}
                {event.sentence}{' '}
                <Do page={page} intent={{ do: 'undo', position: event.position }}>
                  undo
                </Do>
              </li>
            ))}
          </ul>
          {verbs.length > 0 ? <p class="dim">would help: {verbs.join(' or ')}</p> : null}
        </section>
      ))}
      <CommandLine text={why.commandLine} />
    </>
  );
};
