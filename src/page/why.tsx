/** Why two peers can talk or cannot, in the server's own sentences, with the events that made it so. */
import { nameText } from '../domain/name-text.ts';
import { printable, suggestedLine } from '../domain/rejection.ts';
import { wayText } from '../protocol/looking.ts';
import { CommandLine } from './command-line.tsx';
import { Do } from './deeds.tsx';
import type { Page } from './page.ts';
import { Sign } from './sign.tsx';
import { Trouble } from './trouble.tsx';
import { timeText } from './words.ts';

export const Why = ({ page }: { page: Page }) => {
  const why = page.why.value;
  if (!why || why.state === 'asking') return <p aria-busy="true">asking the server…</p>;
  if (why.state === 'refused') return <Trouble refusal={why.refusal} />;
  const { peers, visible, reasons, since } = why.answer;
  const ids: readonly number[] = peers.map(({ id }) => id);
  const nameOf = (id: number): string => peers.find((peer) => peer.id === id)?.name ?? String(id);
  const { typed, local } = page.about.value ?? { typed: 'innernet', local: '' };
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
          {verbs.map((verb, at) => (
            <div key={verb} class="help">
              <span class="dim">{at === 0 ? 'what would change it' : 'or'}</span>
              <CommandLine text={suggestedLine(typed, local, verb)} />
            </div>
          ))}
        </section>
      ))}
      {page.ways.value
        .filter(({ from, to }) => ids.includes(from) && ids.includes(to))
        .map((way) => (
          <p key={way.from} class="observed" data-way={way.way}>
            <Sign state={way.way === 'relayed' ? 'relayed' : 'direct'} /> observed:{' '}
            {printable(wayText(way, nameOf))}
          </p>
        ))}
      <CommandLine text={why.commandLine} />
    </>
  );
};
