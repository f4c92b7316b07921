/** Starts the page: enters by the token of the address, and draws. */
import { render } from 'preact';
import { App } from './app.tsx';
import { Door } from './door.ts';
import { LivePage } from './live-page.ts';

const root = document.querySelector('#page');

const start = async (): Promise<void> => {
  const page = new LivePage(await Door.enter());
  if (root) render(<App page={page} />, root);
  Object.assign(globalThis, { innernetPage: page });
  await page.run();
};

start().catch((error: Error) => {
  if (root) root.textContent = `${error.message}: start it again, and open the address that it prints`;
});
