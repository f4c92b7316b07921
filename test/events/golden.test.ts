// Records of every published type, byte for byte: what was written once must be read the same for ever.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Actor, actorText } from '../../src/events/actor.ts';
import { bodyText, chainHash, digestOf, type EventRecord, fromHex } from '../../src/events/record.ts';
import { EVENT_TYPES, NetworkEvent } from '../../src/events/schema.ts';
import { eventOf, UnknownEventType } from '../../src/events/upcast.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import type { Hash } from '../../src/values/id.ts';

const folder = new URL('golden/', import.meta.url);

type Golden = {
  networkId: Hash;
  previous: Hash;
  record: Omit<EventRecord, 'salt'> & { salt: string };
  event: unknown;
};

/** A field that came later has a file of its own: `InvitationRedeemed.proved.json`. */
const files = readdirSync(folder);

it('there is one for every type of event, and no other', () => {
  expect(EVENT_TYPES.filter((type) => !files.includes(`${type}.json`))).toEqual([]);
  expect(files.filter((file) => !EVENT_TYPES.some((type) => file.startsWith(`${type}.`)))).toEqual([]);
});

describe.each(files)('%s', (file) => {
  const { networkId, previous, record, event }: Golden = JSON.parse(
    readFileSync(new URL(file, folder), 'utf8'),
  );

  it('is read as the event that it was', () => {
    expect(eventOf(record)).toEqual(event);
    expect(NetworkEvent.parse(event)).toEqual(event);
  });

  it('has the digest and the hash that it had', () => {
    const digest = digestOf(record, fromHex(record.salt), sha256);
    expect(digest).toBe(record.digest);
    expect(chainHash({ networkId, position: record.position, previous, digest }, sha256)).toBe(record.hash);
  });

  it('would be written with the same bytes today', () => {
    expect(bodyText(NetworkEvent.parse(event))).toBe(record.body);
    expect(actorText(Actor.parse(JSON.parse(record.actor)))).toBe(record.actor);
  });
});

it('a type that is not known stops the program, named with its position', () => {
  const read = () => eventOf({ type: 'PeerTeleported', position: 17, body: '{}' } as never);
  expect(read).toThrow(UnknownEventType);
  expect(read).toThrow('"PeerTeleported" at position 17');
});
