/** Filters of history by type, actor and subject, as people name them. */

import { type Actor, actorText } from '../events/actor.ts';
import { EVENT_TYPES, type EventType } from '../events/schema.ts';
import type { Thing } from '../events/subject.ts';
import type { LogQueries, RecordFilter } from '../store/queries.ts';
import { Failure } from '../values/failure.ts';
import { Things } from './things.ts';

export type HistoryFilter = {
  types?: readonly string[] | undefined;
  /** Name of a peer, of a user at the server's command line, or `server`. */
  actor?: string | undefined;
  about?: string | readonly Thing[] | undefined;
};

/** Throws `Failure` for an unknown or ambiguous type, actor or thing. */
export const recordFilter = (queries: LogQueries, { types, actor, about }: HistoryFilter): RecordFilter => ({
  types: types?.map(knownType),
  actors: actor === undefined ? undefined : actorsCalled(queries, actor),
  about: typeof about === 'string' ? new Things(queries).about(about) : about,
});

const knownType = (text: string): EventType => {
  const type = EVENT_TYPES.find((each) => each.toLowerCase() === text.toLowerCase());
  if (type) return type;
  throw new Failure(`there is no type of event "${text}"`, {
    hint: `they are ${EVENT_TYPES.join(', ')}`,
  });
};

const isCalled = (actor: Actor, name: string): boolean => {
  switch (actor.kind) {
    case 'server':
      return name === 'server';
    case 'peer':
      return false; // by what it was called, in `actorsCalled`
    case 'operator':
      return actor.user === undefined ? name === 'root' && actor.uid === 0 : actor.user === name;
  }
};

const actorsCalled = (queries: LogQueries, name: string): string[] => {
  const peers = new Things(queries).peersCalled(name).map((peerId) => actorText({ kind: 'peer', peerId }));
  const others = queries.actors().filter((text) => isCalled(JSON.parse(text) as Actor, name));
  if (peers.length + others.length > 0) return [...peers, ...others];
  throw new Failure(`nobody called "${name}" ever did anything in this network`, {
    hint: 'an actor is a peer, a user at the server\'s command line, or "server"; see who there is',
    verb: 'history --reverse --limit 20',
  });
};
