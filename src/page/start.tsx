/** Starts the page: enters by the token of the address, and draws. */
import { render } from 'preact';
import { App } from './app.tsx';
import { Door } from './door.ts';
import { LivePage } from './live-page.ts';

/** `onPage` gets the page before it begins. */
export const start = async (onPage: (page: LivePage) => void = () => {}): Promise<void> => {
  const root = document.querySelector('#page');
  try {
    const page = new LivePage(await Door.enter());
    if (root) render(<App page={page} />, root);
    onPage(page);
    await page.run();
  } catch (error) {
    if (root)
      root.textContent = `${(error as Error).message}: start it again, and open the address that it prints`;
  }
};
