/** Buttons that begin actions, for readers who may act. */
import { isPlain, type Peer } from '../domain/peer.ts';
import { SERVER_PEER } from '../values/id.ts';
import type { Intent, Page } from './page.ts';
import { type Form, form } from './view.ts';

/** The past can be looked at, not changed. */
export const mayAct = (page: Page): boolean =>
  page.about.value?.isAdmin === true && page.moment.value === 'now';

/** What is undone is undone now, from whatever moment it was found. */
const begin = (page: Page, intent: Intent): void => {
  page.endCompare();
  page.goTo('now');
  page.prepare(intent);
};

/** A button that begins an action, if this reader may act. */
export const Do = ({ page, intent, children }: { page: Page; intent: Intent; children: string }) => {
  const isUndo = intent.do === 'undo' || intent.do === 'undo-since';
  if (!mayAct(page) && !(isUndo && page.about.value?.isAdmin)) return null;
  return (
    <button type="button" onClick={() => begin(page, intent)}>
      {children}…
    </button>
  );
};

/** A button that asks for more first. */
export const Ask = ({ page, open, children }: { page: Page; open: Form; children: string }) =>
  mayAct(page) ? (
    <button
      type="button"
      onClick={() => {
        form.value = open;
      }}
    >
      {children}…
    </button>
  ) : null;

/** What can be done with a peer: as buttons, for its row and for its panel. */
export const PeerDeeds = ({ page, peer }: { page: Page; peer: Peer }) => {
  const { name, isRedeemed, isDisabled, isAdmin, id } = peer;
  if (id === SERVER_PEER || !mayAct(page)) return null;
  return (
    <div class="deeds">
      {isRedeemed && !isDisabled ? (
        <Do page={page} intent={{ do: 'disable', peer: name }}>
          disable
        </Do>
      ) : null}
      {isDisabled ? (
        <Do page={page} intent={{ do: 'enable', peer: name }}>
          enable
        </Do>
      ) : null}
      {isRedeemed ? null : (
        <Do page={page} intent={{ do: 'revoke-invitation', peer: name }}>
          revoke
        </Do>
      )}
      <Ask page={page} open={{ ask: 'rename-peer', peer: name }}>
        rename
      </Ask>
      {isPlain(peer) ? (
        <Do page={page} intent={{ do: 'rekey-phone', peer: name }}>
          another key
        </Do>
      ) : isRedeemed ? (
        <Do page={page} intent={{ do: isAdmin ? 'revoke-admin' : 'grant-admin', peer: name }}>
          {isAdmin ? 'no admin' : 'admin'}
        </Do>
      ) : null}
      <Do page={page} intent={{ do: 'delete-peer', peer: name }}>
        delete
      </Do>
    </div>
  );
};
