/** A relay with 1,000 mailboxes and 5,000 sessions while nothing else happens: its processor time and memory. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RelayPeer } from '../src/relay/members.ts';
import { keyText, type PublicKey } from '../src/values/key.ts';
import { initiation, response } from '../test/relay/messages.ts';
import { alone, type Measured, type Row } from './figure.ts';
import { Child } from './load/orders.ts';
import { withFolder } from './scratch.ts';

const PEERS = 1000;
const FEW = 12;
const SESSIONS_OF_EACH = 5;
const PORT = 21_821;
/** WireGuard asks a mailbox that never answers again after its timeout and up to a third of a second. */
const MAILBOX_EVERY_MS = 5_200;
const WATCHED_MS = 30_000;
const GOAL = { percent: 1, megabytes: 20 };

type Say = (progress: string) => void;
type Usage = { cpuSeconds: number; megabytes: number };
type Member = { peer: RelayPeer; socket: Socket };

const keyOf = (number: number): PublicKey => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number + 1);
  return keyText(bytes) as PublicKey;
};

/** Each at an address of its own in 127/8. */
const memberAt = async (number: number): Promise<Member> => {
  const host = `127.77.${number >> 8}.${number & 255}`;
  const socket = createSocket('udp4');
  socket.bind(4000, host);
  await once(socket, 'listening');
  const peer = { id: number + 2, publicKey: keyOf(number), mailbox: keyOf(100_000 + number), host };
  return { peer: peer as RelayPeer, socket };
};

const send = (from: Member, packet: Uint8Array): void => from.socket.send(packet, PORT, '127.0.0.1');

const arrives = ({ socket }: Member) => once(socket, 'message', { signal: AbortSignal.timeout(5000) });

/** Each peer begins a session with the next ones. */
const meet = async (members: readonly Member[]): Promise<void> => {
  for (const [at, one] of members.entries()) {
    for (let step = 1; step <= SESSIONS_OF_EACH; step++) {
      const other = members[(at + step) % members.length] as Member;
      const index = at * SESSIONS_OF_EACH + step;
      send(one, initiation(other.peer.publicKey, index));
      await arrives(other);
      send(other, response(one.peer.publicKey, 1_000_000 + index, index));
      await arrives(one);
    }
  }
};

const speak = (members: readonly Member[]): void => {
  for (const one of members) send(one, initiation(one.peer.mailbox, 7));
};

/** A relay of so many peers: what it takes while only mailboxes speak, as often in sum as a thousand do. */
const idle = async (
  count: number,
  folder: string,
  say: Say,
): Promise<{ percent: number; megabytes: number }> => {
  const relay = await Child.bundled('relay-host', ['--expose-gc']);
  const members = await Promise.all(Array.from({ length: count }, (_, number) => memberAt(number)));
  try {
    const peers = members.map(({ peer }) => peer);
    await relay.ask('open', { port: PORT, file: join(folder, `${count}.relay`), peers });
    speak(members);
    await pause(2000);
    await meet(members);
    say(`relay-crowd: ${JSON.stringify(await relay.ask('counts'))}`);
    const before = await relay.ask<Usage>('usage');
    const begin = performance.now();
    // Spread over the time, as a thousand machines are.
    const every = MAILBOX_EVERY_MS / PEERS;
    for (let sent = 0; performance.now() - begin < WATCHED_MS; await pause(10))
      for (; sent * every < performance.now() - begin; sent++) speak([members[sent % count] as Member]);
    const after = await relay.ask<Usage>('usage');
    const seconds = (performance.now() - begin) / 1000;
    return { percent: ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100, megabytes: after.megabytes };
  } finally {
    for (const { socket } of members) socket.close();
    await relay.stop();
  }
};

const measure = (say: Say): Promise<Measured[]> =>
  withFolder(async (folder) => {
    // The same packets warm up as much of the program.
    const few = await idle(FEW, folder, say);
    const many = await idle(PEERS, folder, say);
    const what = `${PEERS} mailboxes and ${PEERS * SESSIONS_OF_EACH} sessions, idle`;
    return [
      alone({ name: `${what}: CPU`, unit: '% of a core' }, [many.percent], GOAL.percent),
      alone(
        { name: `… memory more than with ${FEW}`, unit: 'MiB' },
        [many.megabytes - few.megabytes],
        GOAL.megabytes,
      ),
    ];
  });

export const relayCrowd: Row = {
  name: 'relay-crowd',
  what: 'a relay with 1,000 mailboxes and 5,000 sessions while nothing else happens: CPU and memory',
  measure,
};
