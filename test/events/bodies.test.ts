// What an event's body may hold: resulting values and ids, never a name that a reader would have to look up.
import { expect, it } from 'vitest';
import * as z from 'zod';
import { BEARING } from '../../src/events/bearing.ts';
import { EVENT_TYPES, NetworkEvent, Rank } from '../../src/events/schema.ts';
import { Endpoint, Port } from '../../src/values/endpoint.ts';
import { AssociationId, CidrId, Epoch, Hash, PeerId, Position, RouteId } from '../../src/values/id.ts';
import { Ip, RecordedCidr } from '../../src/values/ip.ts';
import { PublicKey } from '../../src/values/key.ts';
import { RecordedName } from '../../src/values/name.ts';
import { SigningKey } from '../../src/values/signing-key.ts';
import { Seconds, Timestamp } from '../../src/values/time.ts';

const VALUES: readonly unknown[] = [
  ...[AssociationId, CidrId, PeerId, Position, RouteId, Epoch, Hash],
  ...[Ip, RecordedCidr, PublicKey, SigningKey, Timestamp, Seconds, Endpoint, Port, Rank],
];

/** A field by its path, and what it holds where that is no value by itself. */
const fieldsOf = (schema: z.core.$ZodType, path: string): string[] => {
  if (VALUES.includes(schema) || schema instanceof z.ZodBoolean || schema instanceof z.ZodLiteral) return [];
  if (schema === RecordedName) return [path];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return fieldsOf(schema.unwrap(), path);
  if (schema instanceof z.ZodEnum) return [];
  if (schema instanceof z.ZodArray) return fieldsOf(schema.element, path);
  if (schema instanceof z.ZodTuple) return schema.def.items.flatMap((item) => fieldsOf(item, path));
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([name, field]) => fieldsOf(field, `${path}.${name}`));
  return [path];
};

it('bodies refer by id, and hold a name only where they give it', () => {
  const named = NetworkEvent.options.flatMap((option) => fieldsOf(option, option.shape.type.value));
  expect(named).toEqual([
    'NetworkCreated.name',
    'NetworkImported.name',
    // What it was taken from, for people.
    'NetworkImported.source.program',
    'NetworkImported.source.version',
    'CidrAdded.name',
    'CidrRenamed.name',
    'PeerAdded.name',
    'PeerRenamed.name',
    'RouteAdded.name',
    'RouteRenamed.name',
  ]);
});

it('every type says what it does to what peers may do', () =>
  expect(Object.keys(BEARING).sort()).toEqual([...EVENT_TYPES].sort()));
