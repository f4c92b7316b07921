/** Asks whether a device with a certain key stands at some place, by handshakes that are begun by hand: nothing is left behind. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import { hostOf, portOf, type SocketAddress } from '../values/endpoint.ts';
import { familyOf, type Ip } from '../values/ip.ts';
import { keyPairFrom } from '../values/key-pair.ts';
import { type Asker, Initiation } from './initiation.ts';

/** Packets may be lost, and a device answers one of several within 20 ms. */
const TRIES = 4;
const TRY_EVERY_MS = 600;

type Asked = { place: SocketAddress; initiation: Initiation };

/** The first place whose device answers with that key; undefined if none does within 2.4 s. */
export const whoAnswers = async (
  asker: Asker,
  places: readonly SocketAddress[],
): Promise<SocketAddress | undefined> => {
  if (places.length === 0) return undefined;
  const asked: Asked[] = [];
  const ended = new AbortController();
  const sockets = new Map<4 | 6, Socket>();
  try {
    return await new Promise((resolve) => {
      const hear = (packet: Buffer): void => {
        const answered = asked.find(({ initiation }) => initiation.isAnsweredBy(packet));
        if (answered) resolve(answered.place);
      };
      for (const family of [4, 6] as const) sockets.set(family, open(family, hear));
      void askAll(asker, { places, asked, sockets, signal: ended.signal }).then(() => resolve(undefined));
    });
  } finally {
    ended.abort();
    for (const socket of sockets.values()) socket.close();
  }
};

const open = (family: 4 | 6, hear: (packet: Buffer) => void): Socket => {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  socket.on('error', () => {}); // a machine without IPv6, or without a way there
  socket.on('message', hear);
  return socket;
};

type Round = {
  places: readonly SocketAddress[];
  asked: Asked[];
  sockets: ReadonlyMap<4 | 6, Socket>;
  signal: AbortSignal;
};

const askAll = async (asker: Asker, { places, asked, sockets, signal }: Round): Promise<void> => {
  for (let round = 0; round < TRIES && !signal.aborted; round += 1) {
    for (const place of places) {
      const dice = {
        ephemeral: keyPairFrom(randomBytes(32)),
        index: randomBytes(4).readUInt32LE(),
        now: Date.now(),
      };
      const initiation = new Initiation(asker, dice);
      asked.push({ place, initiation });
      const host = hostOf(place) as Ip;
      sockets.get(familyOf(host))?.send(initiation.packet, portOf(place), host, () => {});
    }
    await pause(TRY_EVERY_MS, undefined, { signal }).catch(() => {});
  }
};
