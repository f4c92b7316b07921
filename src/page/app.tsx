/** The picture of the page. */
import type { Page } from './page.ts';

export const App = ({ page }: { page: Page }) => {
  const shown = page.shown.value;
  return (
    <main>
      <h1>{page.about.value?.local ?? 'innernet'}</h1>
      <p>{page.link.value.state}</p>
      <ul>{shown && [...shown.network.peers()].map((peer) => <li data-peer={peer.id}>{peer.name}</li>)}</ul>
      <ol>
        {page.history.value.entries.map((entry) => (
          <li>{entry.sentence}</li>
        ))}
      </ol>
    </main>
  );
};
