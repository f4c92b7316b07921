/** Invitation and client conf in TOML; the keys are those of innernet 2.0 and some that it ignores. */
import { parse, stringify, TomlError } from 'smol-toml';
import * as z from 'zod';
import { printable, shellWord } from '../domain/rejection.ts';
import { Endpoint, hostOf, isUnspecified, Port, SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import { Hash, Position, RouteId } from '../values/id.ts';
import { addressOf, Cidr, containsIp, Ip, prefixOf, RecordedCidr } from '../values/ip.ts';
import { PrivateKey, PublicKey, withoutKeys } from '../values/key.ts';
import { InterfaceName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';

export type Conf = {
  /** The admin's name for the network; the local name is the file's. */
  networkName: InterfaceName;
  /** The prefix is that of the network's root CIDR. */
  address: Cidr;
  privateKey: PrivateKey;
  listenPort?: number | undefined;
  /** The UDP port at which this machine may relay for other peers, if an admin names it a relay there. */
  relayPort?: number | undefined;
  /** Blocks behind this machine that it carries for those whom an admin lets. */
  offerRoutes?: readonly Cidr[] | undefined;
  /** It carries what peers send to the Internet, likewise. */
  offerExit?: true | undefined;
  /** Other networks of this machine keep the addresses that both have. */
  allowsOverlap?: true | undefined;
  /** Blocks of routes that this machine takes although they are public, or very wide. */
  acceptsRoutes?: readonly Cidr[] | undefined;
  /** The exit through which all leaves that has no nearer way. */
  exit?: RouteId | undefined;
  server: {
    publicKey: PublicKey;
    externalEndpoint: Endpoint;
    /** Where the API listens inside the tunnel. */
    internalEndpoint: SocketAddress;
    networkId?: Hash | undefined;
    /** A head that the inviting admin saw; the network's history must contain it. */
    position?: Position | undefined;
    hash?: Hash | undefined;
    /** Version of the server's proof, which answers must carry. Invitations only. */
    proof?: number | undefined;
    /** Invitations only. */
    expires?: Timestamp | undefined;
  };
  /** Fixed endpoints of other peers, by peer address. */
  peerEndpointOverrides: ReadonlyMap<Ip, Endpoint>;
};

/** What each family's exit is a route to. */
const EXITS = ['0.0.0.0/0', '::/0'] as readonly string[] as readonly Cidr[];

/** All blocks that this machine says that it carries. */
export const offersOf = ({ offerRoutes = [], offerExit }: Conf): readonly Cidr[] => [
  ...offerRoutes,
  ...(offerExit ? EXITS : []),
];

export const MAX_OFFERED_ROUTES = 32;

export const MAX_CONF_CHARACTERS = 64 * 1024;

const Key = z.unknown().transform((text, context) => {
  try {
    return PrivateKey.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'a private key is 32 bytes in base64' });
    return z.NEVER;
  }
});

const Document = z.object({
  interface: z.object({
    'network-name': InterfaceName,
    address: RecordedCidr,
    'private-key': Key,
    'listen-port': Port.optional(),
    'allow-overlap': z.boolean().optional(),
    'relay-port': Port.optional(),
    'offer-routes': z.array(Cidr).max(MAX_OFFERED_ROUTES).optional(),
    'offer-exit': z.boolean().optional(),
    'accept-route': z.array(Cidr).optional(),
    exit: RouteId.optional(),
  }),
  server: z.object({
    'public-key': PublicKey,
    'external-endpoint': Endpoint,
    'internal-endpoint': SocketAddress,
    'network-id': Hash.optional(),
    position: Position.optional(),
    hash: Hash.optional(),
    proof: z.number().int().positive().optional(),
    expires: Timestamp.optional(),
  }),
  'peer-endpoint-overrides': z.record(z.string(), Endpoint).optional(),
});

const NOUN: { [expected: string]: string } = {
  string: 'a text in quotes',
  number: 'a number',
  int: 'a whole number',
  object: 'a table',
};

/** Names a key, such as `[server] public-key`. */
const place = (path: readonly PropertyKey[]): string => {
  const [table, ...keys] = path.map(String);
  return keys.length > 0 ? `[${table}] ${keys.join('.')}` : (table ?? '');
};

const valueAt = (document: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (value as { [key: PropertyKey]: unknown } | undefined)?.[key],
    document,
  );

/** The first error in a document; only its own rule may quote the value. */
const troubleIn = (document: unknown, error: z.ZodError): string => {
  const [issue] = error.issues;
  if (!issue) return 'it cannot be understood';
  const isTable = issue.code === 'invalid_type' && issue.expected === 'object';
  const where = isTable ? `[${place(issue.path)}]` : place(issue.path);
  if (valueAt(document, issue.path) === undefined) return `${where} is missing`;
  const rule =
    issue.code === 'invalid_type' ? `this must be ${NOUN[issue.expected] ?? issue.expected}` : issue.message;
  return `${where}: ${rule}`;
};

/** Only the first line of the parser's message: others quote the file, and so secrets. */
const syntaxTrouble = ({ line, column, message }: TomlError): string => {
  const reason = message.split('\n')[0]?.replace('Invalid TOML document: ', '') ?? '';
  return `line ${line}, column ${column} is not TOML: ${reason}`;
};

/** Reads TOML by a schema. Throws a `Failure` with `source` and the line or key, and without secrets. */
const parseSettings = <T>(text: string, schema: z.ZodType<T>, source: string): T => {
  if (text.length > MAX_CONF_CHARACTERS) throw broken(source, 'this is too long to be a configuration');
  let document: unknown;
  try {
    document = parse(text, { unsafeKeyBehaviour: 'throw', maxDepth: 8 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw broken(source, syntaxTrouble(error));
  }
  const result = schema.safeParse(document);
  if (!result.success) throw broken(source, troubleIn(document, result.error));
  return result.data;
};

const broken = (source: string, trouble: string): Failure =>
  new Failure(`${source}: ${withoutKeys(trouble)}`, {
    hint: 'name the invitation as the admin made it, or put the conf back; a new invitation: innernet-server reissue-invitation',
  });

const contradictionIn = (conf: Conf): string | undefined => {
  const { address, server } = conf;
  const internal = hostOf(server.internalEndpoint) as Ip;
  if (prefixOf(address) === 0) return `[interface] address: ${address} covers every address there is`;
  if (!containsIp(address, internal))
    return `[server] internal-endpoint: ${internal} is not in the network's range, which [interface] address ${address} gives`;
  if (internal === addressOf(address))
    return `[server] internal-endpoint: ${internal} is this peer's own address`;
  if (isUnspecified(server.externalEndpoint))
    return `[server] external-endpoint: ${server.externalEndpoint} is no place to reach a server at`;
  return undefined;
};

const overridesOf = (overrides: Record<string, Endpoint>, source: string): Map<Ip, Endpoint> =>
  new Map(
    Object.entries(overrides).map(([text, endpoint]) => {
      const ip = Ip.safeParse(text);
      if (ip.success) return [ip.data, endpoint];
      throw broken(source, `[peer-endpoint-overrides] "${text}" is not an IP address`);
    }),
  );

/** Reads an invitation or a client's conf. Throws a `Failure` that begins with `source`, a path. */
export const parseConf = (text: string, source: string): Conf => {
  const { interface: own, server, ...rest } = parseSettings(text, Document, source);
  const conf: Conf = {
    networkName: own['network-name'],
    address: own.address,
    privateKey: own['private-key'],
    listenPort: own['listen-port'],
    ...(own['relay-port'] === undefined ? {} : { relayPort: own['relay-port'] }),
    ...(own['offer-routes']?.length ? { offerRoutes: own['offer-routes'] } : {}),
    ...(own['offer-exit'] ? { offerExit: true } : {}),
    ...(own['allow-overlap'] ? { allowsOverlap: true } : {}),
    ...(own.exit === undefined ? {} : { exit: own.exit }),
    ...(own['accept-route'] ? { acceptsRoutes: own['accept-route'] } : {}),
    server: {
      publicKey: server['public-key'],
      externalEndpoint: server['external-endpoint'],
      internalEndpoint: server['internal-endpoint'],
      networkId: server['network-id'],
      position: server.position,
      hash: server.hash,
      proof: server.proof,
      expires: server.expires,
    },
    peerEndpointOverrides: overridesOf(rest['peer-endpoint-overrides'] ?? {}, source),
  };
  const contradiction = contradictionIn(conf);
  if (contradiction) throw broken(source, contradiction);
  return conf;
};

/** The text of a conf with its private key: only for a file of mode 0600. */
export const formatConf = ({ server, peerEndpointOverrides: overrides, ...own }: Conf): string =>
  stringify({
    interface: {
      'network-name': own.networkName,
      address: own.address,
      'private-key': own.privateKey.reveal(),
      'listen-port': own.listenPort,
      'allow-overlap': own.allowsOverlap,
      'relay-port': own.relayPort,
      'offer-routes': own.offerRoutes?.length ? [...own.offerRoutes] : undefined,
      'offer-exit': own.offerExit,
      exit: own.exit,
      'accept-route': own.acceptsRoutes ? [...own.acceptsRoutes] : undefined,
    },
    server: {
      'public-key': server.publicKey,
      'external-endpoint': server.externalEndpoint,
      'internal-endpoint': server.internalEndpoint,
      'network-id': server.networkId,
      position: server.position,
      hash: server.hash,
      proof: server.proof,
      expires: server.expires,
    },
    'peer-endpoint-overrides': overrides.size > 0 ? Object.fromEntries(overrides) : undefined,
  });

/** A conf with a temporary key below an explanation in comments. */
export const formatInvitation = (conf: Conf, peer: string, fileName: string): string => {
  const { networkName, address, server } = conf;
  const [name, file] = [printable(peer), shellWord(fileName)];
  const lines = [
    `An invitation to the network "${networkName}" for the peer "${name}" (${addressOf(address)}).`,
    `It works once${server.expires ? `, until ${server.expires}` : ''}.`,
    'Hand it over in private: whoever has it first can join in its place.',
    '',
    'To join, install innernet on the machine and run there:',
    '',
    `  innernet install ${file}`,
    '',
    'Change nothing below this line.',
  ];
  return `${lines.map((line) => `# ${line}`.trimEnd()).join('\n')}\n\n${formatConf(conf)}`;
};
