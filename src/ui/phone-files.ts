/** Phones that the page adds or gives another key: their key is made here, and their file goes to the page alone. */
import { addressIn, newKeys } from '../cli/invitation.ts';
import { phoneConfig, phoneNamed, routerOf } from '../cli/phone-config.ts';
import { READS, refuseUnpassed } from '../cli/phones.ts';
import type { Executed, Plane } from '../cli/plane.ts';
import { qrPath } from '../cli/qr.ts';
import type { AdminCommand } from '../domain/command.ts';
import type { Rehearsal } from '../protocol/commands.ts';
import type { Committed } from '../protocol/page.ts';
import { type Phone, phoneCommandOf } from './intents.ts';

/** Throws `Rejected` or `Failure`. */
export const rehearsePhone = async (
  plane: Plane,
  intent: Phone,
): Promise<{ rehearsal: Rehearsal; warning: string }> => {
  if (intent.do === 'add-phone') refuseUnpassed(await plane.view(), plane.network);
  const { publicKey } = await newKeys();
  return { rehearsal: await plane.rehearse(phoneCommandOf(intent, publicKey)), warning: READS };
};

type Handed = { outcome: Executed; download: NonNullable<Committed['download']> };

/** `asShown` binds the command to what was shown. What can fail is asked before it. */
export const handPhone = async (
  plane: Plane,
  intent: Phone,
  asShown: (command: AdminCommand) => AdminCommand,
): Promise<Handed> => {
  const [view, server, keys] = await Promise.all([plane.view(), plane.server(), newKeys()]);
  const router = routerOf(view, server);
  if (intent.do === 'add-phone') refuseUnpassed(view, plane.network);
  const name = intent.do === 'add-phone' ? intent.name : phoneNamed(view, intent.peer).name;
  const outcome = await plane.execute(asShown(phoneCommandOf(intent, keys.publicKey)));
  const text = phoneConfig(router, addressIn(outcome, view, name), keys.privateKey);
  return { outcome, download: { name: `${name}.conf`, text, code: await qrPath(text) } };
};
