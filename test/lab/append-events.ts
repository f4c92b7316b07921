// Records events in a log that a server has open, as a verb of the machine itself does: `FILE EVENTS`, as JSON.
import { actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { sha256Text } from '../../src/machine/sha256.ts';
import { openLog } from '../../src/projections/open-log.ts';
import { timestamp } from '../../src/server/commands/control-plane.ts';

const [file = '', text = '[]'] = process.argv.slice(2);
const log = await openLog({ file });
const { position } = await log.head();
const commandId = `appended after ${position}`;
const events = JSON.parse(text) as NetworkEvent[];
const actor = actorText({ kind: 'operator', uid: 0 });
await log.append(position, [
  { commandId, commandDigest: sha256Text(commandId), recordedAt: timestamp(), actor, events },
]);
await log.close();
