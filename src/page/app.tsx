/** The whole page: head, the four views, the panel of what is chosen, and the slider. */
import { useComputed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { nameText } from '../domain/name-text.ts';
import { ActDialog } from './act.tsx';
import { Compare } from './compare.tsx';
import { Details } from './details.tsx';
import { Find } from './find.tsx';
import { FormOpen } from './forms.tsx';
import { HistoryView } from './history.tsx';
import { listenToKeys } from './keys.tsx';
import { ListView } from './list.tsx';
import { MatrixView } from './matrix.tsx';
import type { Page } from './page.ts';
import { Picture, peerStates } from './picture.tsx';
import { type Scene, sceneOf } from './scene.ts';
import { Sign } from './sign.tsx';
import { Slider } from './slider.tsx';
import { Tree } from './tree.tsx';
import { Trouble } from './trouble.tsx';
import { form, TABS, tab, top } from './view.ts';
import { STATE_WORDS, STATES } from './words.ts';

const Tabs = () => (
  <div class="tabs" role="tablist" aria-label="views">
    {TABS.map((name, at) => (
      <button
        key={name}
        type="button"
        role="tab"
        id={`tab-${name}`}
        aria-selected={tab.value === name}
        aria-controls="view"
        aria-keyshortcuts={String(at + 1)}
        onClick={() => {
          tab.value = name;
        }}
      >
        {name}
      </button>
    ))}
  </div>
);

const LINK_WORDS = { starting: 'starting', live: 'live', away: 'away', ended: 'ended' } as const;

const Head = ({ page, scene }: { page: Page; scene: Scene }) => {
  const about = page.about.value;
  const { state } = page.link.value;
  const self = about?.self == null ? undefined : scene.after.network.peer(about.self);
  const who = about?.program === 'innernet-server' ? 'the server' : self ? nameText(self.name) : '';
  return (
    <header>
      <h1>{nameText(scene.after.network.name)}</h1>
      <Tabs />
      <Find page={page} shown={scene.after} />
      {about?.isAdmin && page.moment.value === 'now' ? (
        <button
          type="button"
          class="main"
          aria-keyshortcuts="a"
          onClick={() => {
            form.value = { ask: 'invite' };
          }}
        >
          add a machine
        </button>
      ) : null}
      <span class={`link-state ${state}`} role="status">
        {LINK_WORDS[state]}
      </span>
      <span class="dim who">
        {who}
        {about?.isAdmin ? ' (admin)' : ''}
      </span>
      <button
        type="button"
        aria-label="keys"
        aria-keyshortcuts="?"
        onClick={() => {
          form.value = { ask: 'keys' };
        }}
      >
        ?
      </button>
    </header>
  );
};

const Legend = ({ scene }: { scene: Scene }) => {
  const counts = peerStates(scene);
  return (
    <ul class="legend">
      {STATES.filter((state) => counts.has(state)).map((state) => (
        <li key={state}>
          <Sign state={state} /> {(counts.get(state) ?? 0).toLocaleString('en')} {STATE_WORDS[state]}
        </li>
      ))}
    </ul>
  );
};

const Around = ({ scene }: { scene: Scene }) => {
  const node = top.value === undefined ? undefined : scene.after.network.cidr(top.value);
  return node ? (
    <p class="around">
      only {nameText(node.name)}{' '}
      <button
        type="button"
        onClick={() => {
          top.value = node.parentId ?? undefined;
        }}
      >
        out
      </button>
    </p>
  ) : null;
};

const MapView = ({ page, scene }: { page: Page; scene: Scene }) => (
  <div class="map">
    <Tree page={page} scene={scene} />
    <div class="canvas">
      <Around scene={scene} />
      <Picture page={page} scene={scene} />
      <Legend scene={scene} />
    </div>
  </div>
);

const View = ({ page, scene }: { page: Page; scene: Scene }) => {
  switch (tab.value) {
    case 'map':
      return <MapView page={page} scene={scene} />;
    case 'matrix':
      return <MatrixView page={page} scene={scene} />;
    case 'list':
      return <ListView page={page} scene={scene} />;
    case 'history':
      return <HistoryView page={page} />;
  }
};

export const App = ({ page }: { page: Page }) => {
  useEffect(() => listenToKeys(page), [page]);
  const scene = useComputed(() => (page.shown.value ? sceneOf(page) : undefined)).value;
  const { refusal } = page.link.value;
  const trouble = page.trouble.value ?? refusal;
  if (!scene)
    return (
      <main class="start" aria-busy="true">
        {trouble ? <Trouble refusal={trouble} /> : <p>reading the network…</p>}
      </main>
    );
  return (
    <>
      <Head page={page} scene={scene} />
      {trouble ? <Trouble refusal={trouble} /> : null}
      <main class={page.isLoading.value ? 'loading' : ''}>
        <div id="view" class="view" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
          <View page={page} scene={scene} />
        </div>
        {page.comparison.value ? <Compare page={page} /> : <Details page={page} scene={scene} />}
      </main>
      <Slider page={page} />
      <FormOpen page={page} />
      <ActDialog page={page} />
    </>
  );
};
