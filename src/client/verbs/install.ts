/** `innernet install`: joins a network by an invitation; after a crash it can be run again. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import * as z from 'zod';
import { hasTerminal, Questions } from '../../cli/ask.ts';
import { isOnlySaid, sayDone } from '../../cli/local-change.ts';
import { localTime, note } from '../../cli/print.ts';
import { during } from '../../cli/progress.ts';
import { Rejected, shellWord } from '../../domain/rejection.ts';
import { makeFolder, replaceFile } from '../../machine/durable-file.ts';
import { type Conf, MAX_CONF_CHARACTERS, parseConf } from '../../protocol/conf.ts';
import { hostOf, portOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { addressOf, type Cidr, containsCidr, networkOf } from '../../values/ip.ts';
import { PrivateKey, PublicKey } from '../../values/key.ts';
import type { KeyPair } from '../../values/key-pair.ts';
import { InterfaceName } from '../../values/name.ts';
import { isPrivateRange } from '../../values/reserved.ts';
import type { SigningKey } from '../../values/signing-key.ts';
import type { Timestamp } from '../../values/time.ts';
import type { Device } from '../../wireguard/device.ts';
import { linkNamed } from '../../wireguard/link.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import { routesOverlapping } from '../../wireguard/routes.ts';
import { bringUp, takeDown } from '../../wireguard/tunnel.ts';
import { Api, CallRefused } from '../api/api.ts';
import { groundOf, readConf, writeConf } from '../memory/conf-file.ts';
import { installedNetworks, type NetworkPaths, pathsOf } from '../memory/paths.ts';
import { signingSecretIn } from '../memory/signing-file.ts';
import type { InstallOptions } from '../options.ts';
import { sayOf } from '../owner/owned-network.ts';
import { Ownership } from '../owner/owner.ts';
import { Follower } from '../sync/follower.ts';
import { addressesOf, reachServer, serverConfig } from '../tunnels/server-peer.ts';
import { tunnelConfig } from '../tunnels/tunnel-config.ts';
import { overlapsOf, refuseOverlaps } from './overlaps.ts';

/** Without a handshake for so long the invitation is used or the server down. */
const MAX_SILENCE_MS = 10_000;
/** For each key while it is unknown which one the server takes. */
const TURN_MS = 1000;

/** Saved before the server learns of the key. */
const Pending = z.object({ invitation: PublicKey, privateKey: z.string() });

const contentOf = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const readInvitation = async (file: string): Promise<Conf> => {
  const text = await (file === '-' ? textOf(process.stdin) : contentOf(file)).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EISDIR') throw cause;
      throw new Failure(`${file} is a folder`, { hint: 'name the file that an admin has given you', cause });
    },
  );
  if (text === undefined)
    throw new Failure(`there is no invitation ${file}`, {
      hint: 'name the file that an admin has given you',
    });
  if (text.length > MAX_CONF_CHARACTERS) throw new Failure(`${file} is too long to be an invitation`);
  return parseConf(text, file === '-' ? 'the invitation on stdin' : file);
};

/** Asks on a terminal; Enter takes the inviting admin's name, as in innernet 2.0. */
const localName = ({ networkName, address }: Conf, options: InstallOptions): Promise<InterfaceName> => {
  const given = options.name ?? (options.defaultName || !hasTerminal() ? networkName : undefined);
  return new Questions({}).text({
    flag: '--name',
    question: `Interface name for ${networkName} (all of ${networkOf(address)})`,
    given,
    schema: InterfaceName,
    initial: networkName,
  });
};

/** The key of an interrupted install, or a new one, saved first. */
const keyFor = async (
  invited: PublicKey,
  { pending }: NetworkPaths,
): Promise<{ keys: KeyPair; isResumed: boolean }> => {
  const text = await contentOf(pending);
  if (text !== undefined) {
    const known = Pending.safeParse(jsonOf(text)).data;
    if (known?.invitation === invited) {
      const privateKey = PrivateKey.parse(known.privateKey);
      return { keys: { privateKey, publicKey: publicKeyOf(privateKey) }, isResumed: true };
    }
    throw new Failure(`${pending} holds the key of another install that was not finished`, {
      hint: `finish it with its own invitation, or give it up: rm ${pending}`,
    });
  }
  const privateKey = PrivateKey.fromRandom(randomBytes(32));
  const kept = { invitation: invited, privateKey: privateKey.reveal() };
  await replaceFile(pending, `${JSON.stringify(kept)}\n`);
  return { keys: { privateKey, publicKey: publicKeyOf(privateKey) }, isResumed: false };
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A public range would divert its owners' traffic into the network. */
const refusePublic = (range: Cidr, file: string): void => {
  if (isPrivateRange(range)) return;
  throw new Failure(
    `the network's range ${range} is not private: this machine could not reach those who own it`,
    {
      hint: `ask the admin who invited you; if the range is theirs: innernet install --allow-range ${shellWord(file)}`,
    },
  );
};

const refuseClash = async (invitation: Conf, name: InterfaceName, options: InstallOptions): Promise<void> => {
  for (const other of await installedNetworks(options)) {
    const conf = await readConf(pathsOf(other, options).conf, other).catch((error: Failure) => {
      if (other === name) throw error;
      return undefined;
    });
    const isSame =
      conf?.server.publicKey === invitation.server.publicKey && conf.address === invitation.address;
    if (isSame)
      throw new Failure(`this machine has joined that network as ${other} already`, {
        hint: `bring it up: innernet up ${other}`,
      });
    if (other === name)
      throw new Failure(`the name ${name} is taken by another network on this machine`, {
        hint: 'choose another one: --name NAME',
      });
  }
  if (await linkNamed(name))
    throw new Failure(`there is a network interface ${name} already`, {
      hint: 'choose another name: --name NAME',
    });
};

/** State of this very network stays: its pins are valid. */
const putOldStateAside = async ({ state, journal }: NetworkPaths, { server }: Conf): Promise<void> => {
  const text = await contentOf(state);
  const old =
    text === undefined ? undefined : (jsonOf(text) as { head?: { networkId?: unknown } } | undefined);
  if (server.networkId !== undefined && old?.head?.networkId === server.networkId) return;
  await rm(journal, { force: true });
  if (text !== undefined) await rename(state, `${state}.old`);
};

/** Our narrower routes win, so hosts of wider ones at network addresses become unreachable. */
const warnOfWiderRoutes = async (conf: Conf, name: InterfaceName): Promise<void> => {
  const range = networkOf(conf.address);
  for (const { cidr, device } of await routesOverlapping(range, name).catch(() => []))
    if (!containsCidr(range, cidr))
      note(`innernet: warning: the network's range ${range} overlaps the route ${cidr} of ${device}`);
};

/** Throws a `Failure` with the reason, or `Rejected` by the server's rules. */
export const install = async (file: string, options: InstallOptions): Promise<void> => {
  const invitation = await readInvitation(file);
  if (!options.allowRange) refusePublic(networkOf(invitation.address), file);
  if (isOver(invitation))
    note(
      `innernet: warning: by this machine's clock the invitation ended at ${localTime(invitation.server.expires)}`,
    );
  const name = await localName(invitation, options);
  const paths = pathsOf(name, options);
  const hasPending = (await contentOf(paths.pending)) !== undefined;
  if (!hasPending) await refuseClash(invitation, name, options);
  const overlaps = await overlapsOf(networkOf(invitation.address), name, options);
  if (!options.allowOverlap) refuseOverlaps(overlaps, networkOf(invitation.address), file);
  for (const overlap of overlaps) note(`innernet: warning: the network's range overlaps ${overlap}`);
  const change = { network: name, changes: ordersOf(invitation, name, paths) };
  if (isOnlySaid(change, options)) return;
  await makeFolder(options.configDir);
  await makeFolder(options.dataDir);
  const ownership = await Ownership.take(paths.socket, async () => {
    throw new Failure(`${name} is just being installed`, { hint: 'try again in a moment' });
  });
  if (!ownership)
    throw new Failure(`another innernet is at work on ${name}`, { hint: `innernet show ${name}` });
  try {
    if (!hasPending) await putOldStateAside(paths, invitation);
    const yielding = overlaps.length > 0 ? { allowsOverlap: true as const } : {};
    await join({ ...invitation, ...yielding }, name, options, paths);
  } finally {
    await ownership.release();
  }
  const isFile = file !== '-';
  if (options.deleteInvite && isFile) await rm(file, { force: true });
  sayDone(change, options, `joined ${name} as ${addressOf(invitation.address)}`);
  note(`innernet: to follow its changes as they happen: innernet up --daemon ${name}`);
  note(`innernet: the same at every start of this machine: systemctl enable --now innernet@${name}`);
  if (!options.deleteInvite && isFile)
    note(`innernet: the invitation ${basename(file)} is used up, it can be deleted`);
};

const ordersOf = ({ address, server }: Conf, name: InterfaceName, { conf }: NetworkPaths): string[] => [
  `make a key pair, hand the public key in at ${server.externalEndpoint}, and use the invitation up`,
  `write ${conf} and bring the device ${name} up at ${addressOf(address)}, with all of ${networkOf(address)} behind it`,
];

const join = async (
  invitation: Conf,
  name: InterfaceName,
  options: InstallOptions,
  paths: NetworkPaths,
): Promise<void> => {
  const invited = publicKeyOf(invitation.privateKey);
  const [{ keys, isResumed }, { publicKey: signingKey }] = await Promise.all([
    keyFor(invited, paths),
    signingSecretIn(paths.signing),
  ]);
  const { expires: _, proof: _proof, ...server } = invitation.server;
  const conf: Conf = { ...invitation, privateKey: keys.privateKey, server };
  const attempt = { mayBeKnown: isResumed };
  let device: Device;
  try {
    const redeeming = redeem(
      invitation,
      { ...keys, signingKey },
      { name, isResumed, options, attempt, paths },
    );
    device = await during(`waiting for the server at ${server.externalEndpoint}`, redeeming);
  } catch (error) {
    if (!attempt.mayBeKnown || (!isResumed && isFinal(error)))
      for (const path of [paths.pending, paths.signing, paths.proved]) await rm(path, { force: true });
    await takeDown(name).catch(() => {});
    throw error;
  }
  await writeConf(paths.conf, conf);
  await during('learning the network, meeting its peers', comeLevel(conf, device, { name, options, paths }));
  await rm(paths.pending, { force: true });
};

/** The server never took the key, so it can be dropped. */
const isFinal = (error: unknown): boolean => error instanceof Rejected || error instanceof CallRefused;

type Redeeming = {
  name: InterfaceName;
  isResumed: boolean;
  options: InstallOptions;
  paths: NetworkPaths;
  /** Set when the new key leaves this machine: then it must be kept. */
  attempt: { mayBeKnown: boolean };
};

/** What a joining machine hands in, and the private half that proves it. */
type NewKeys = KeyPair & { signingKey: SigningKey };

/** Ends with a handshake by the new key. After a lost answer, both keys take turns. */
const redeem = async (
  invitation: Conf,
  keys: NewKeys,
  { name, isResumed, options, attempt, paths }: Redeeming,
): Promise<Device> => {
  const { server } = invitation;
  const [{ device }, endpoints] = await Promise.all([
    bringUp(tunnelConfig(name, invitation, options), sayOf(name)),
    addressesOf(server.externalEndpoint),
  ]);
  if (!invitation.allowsOverlap) void warnOfWiderRoutes(invitation, name);
  const ground = groundOf(invitation);
  const reach = (privateKey: PrivateKey, milliseconds: number) =>
    reachServer(device, serverConfig(ground.server), endpoints, milliseconds, [
      { kind: 'privateKey', privateKey },
      ...(invitation.listenPort === undefined
        ? []
        : [{ kind: 'listenPort' as const, listenPort: invitation.listenPort }]),
    ]);
  const api = await Api.of(name, invitation, paths);
  if (server.proof !== undefined) await api.trust?.proved();
  let isAccepted = false;
  let isUncertain = isResumed;
  const start = performance.now();
  for (let deadline = start + MAX_SILENCE_MS; performance.now() < deadline; ) {
    if (!isAccepted && (await reach(invitation.privateKey, isUncertain ? TURN_MS : MAX_SILENCE_MS))) {
      attempt.mayBeKnown = true;
      isAccepted = await handIn(keys, api);
      isUncertain = !isAccepted;
      deadline = performance.now() + MAX_SILENCE_MS;
    }
    if ((isAccepted || isUncertain) && (await reach(keys.privateKey, isAccepted ? MAX_SILENCE_MS : TURN_MS)))
      return device;
  }
  throw noAnswer(invitation);
};

/** False when no answer came, so the server may have the key. */
const handIn = async ({ publicKey, privateKey, signingKey }: NewKeys, api: Api): Promise<boolean> => {
  const body = { public_key: publicKey, signing_key: signingKey };
  try {
    await api.send({ method: 'POST', path: '/v1/user/redeem', body, joining: privateKey });
    return true;
  } catch (error) {
    if (isFinal(error) || !(error instanceof Failure)) throw error;
    return false;
  }
};

/** By the local clock, which may be wrong: the client tries anyway. */
const isOver = (conf: Conf): conf is Conf & { server: { expires: Timestamp } } =>
  conf.server.expires !== undefined && Date.parse(conf.server.expires) < Date.now();

const noAnswer = (invitation: Conf): Failure => {
  const { externalEndpoint, expires } = invitation.server;
  if (isOver(invitation))
    return new Failure(`the invitation ended at ${expires}, and no answer came from ${externalEndpoint}`, {
      hint: 'ask an admin for a new one: innernet reissue-invitation; see also: is the clock of this machine right?',
    });
  const end = expires ? `; it expires at ${expires}` : '';
  const port = `UDP port ${portOf(externalEndpoint)}`;
  return new Failure(
    `nothing came back from ${hostOf(externalEndpoint)}, ${port}: most likely that port is not open, or not ` +
      `forwarded to the server; else the invitation was used or revoked, or the server is down${end}`,
    {
      hint: `ask an admin to let ${port} through, and whether the invitation is open: innernet list-invitations ${invitation.networkName}`,
    },
  );
};

/** Brings the disk, the device and the hosts file up to date. */
const comeLevel = async (
  conf: Conf,
  device: Device,
  { name, options, paths }: { name: InterfaceName; options: InstallOptions; paths: NetworkPaths },
): Promise<void> => {
  const follower = await Follower.start({
    network: name,
    conf,
    paths,
    tunnel: tunnelConfig(name, conf, options),
    fresh: device,
    hosts: options,
    nat: options,
    say: sayOf(name),
  });
  try {
    await follower.synchronise();
  } finally {
    await follower.stop();
  }
};
