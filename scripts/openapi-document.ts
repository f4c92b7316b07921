// The OpenAPI document of the server's HTTP API, made of the schemas by which both programs parse it.
import * as z from 'zod';
import { SERVER_KEY_HEADER } from '../src/protocol/http.ts';
import { type ApiRoute, ROUTES, SHAPES } from './api-routes.ts';

const WHO = {
  peer: 'any enabled peer',
  redeeming: 'any enabled peer',
  redeemed: 'a peer that has joined',
  admin: 'an admin that has joined',
  standby: 'a peer that is named a standby, with a proof by its key',
} as const;

/** As on the wire: what a rule checks beyond a type's shape stands in the sentences of the refusals. */
const FORM = { io: 'input', unrepresentable: 'any' } as const;

const uri = (name: string): string => `#/components/schemas/${name}`;

type Json = { [key: string]: unknown };

/** Each is found by its place in the document, so it has no address of its own. */
const schemas = (): Json => {
  const registry = z.registry<{ id: string }>();
  for (const [id, shape] of Object.entries(SHAPES)) registry.add(shape, { id });
  const made = z.toJSONSchema(registry, { ...FORM, uri }).schemas as { [name: string]: Json };
  return Object.fromEntries(
    Object.entries(made).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]),
  );
};

const NAMES = new Map(Object.entries(SHAPES).map(([name, shape]) => [shape, name]));

const ref = (shape: z.ZodType): Json => {
  const name = NAMES.get(shape);
  if (name === undefined) throw new Error('name this schema in SHAPES (scripts/api-routes.ts)');
  return { $ref: uri(name) };
};

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });

const parametersOf = (path: string, query: NonNullable<ApiRoute['query']>): Json[] => [
  ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  })),
  ...Object.entries(query).map(([name, shape]) => {
    const { $schema: _, ...schema } = z.toJSONSchema(shape, FORM);
    return { name, in: 'query', required: false, schema };
  }),
];

const operationOf = (
  path: string,
  { openTo, summary, query = {}, body, status, answers }: ApiRoute,
): Json => {
  const parameters = parametersOf(path, query);
  const shapes = answers?.map(ref);
  const [only, ...more] = shapes ?? [];
  const answer = only && (more.length === 0 ? only : { anyOf: shapes });
  return {
    summary,
    description: `Open to ${WHO[openTo]}.`,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, ...json(ref(body)) } } : {}),
    responses: {
      [status]: { description: 'done', ...(answer ? json(answer) : {}) },
      default: {
        description: 'refused or failed; the body is empty where the caller may not even ask',
        ...json(ref(SHAPES.Refusal as z.ZodType)),
      },
    },
  };
};

const paths = (): Json => {
  const found: { [path: string]: Json } = {};
  for (const [route, of] of Object.entries(ROUTES)) {
    const [method = '', path = ''] = route.split(' ');
    const template = path.replace(/:(\w+)/g, '{$1}');
    found[template] = { ...found[template], [method.toLowerCase()]: operationOf(path, of) };
  }
  return found;
};

/** The text of docs/openapi.json. */
export const openApiText = (): string =>
  `${JSON.stringify(
    {
      openapi: '3.1.0',
      info: {
        title: 'innernet-server',
        version: '1',
        description:
          'Answers inside the tunnel alone; who calls is known by the WireGuard address. Where the network requires it, a call also carries a proof by key (see proof-by-key.md).',
      },
      servers: [
        {
          url: 'http://{endpoint}',
          description: 'internal-endpoint in the conf of a peer',
          variables: { endpoint: { default: '10.42.0.1:51820' } },
        },
      ],
      security: [{ serverKey: [] }],
      paths: paths(),
      components: {
        securitySchemes: {
          serverKey: {
            type: 'apiKey',
            in: 'header',
            name: SERVER_KEY_HEADER,
            description: "the server's public key: no secret, it keeps web pages out",
          },
        },
        schemas: schemas(),
      },
    },
    null,
    2,
  )}\n`;
