/** `innernet-server new`: makes conf and log, both or neither. */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { Questions } from '../../cli/ask.ts';
import { sayOutcome } from '../../cli/change.ts';
import { freeBlock } from '../../cli/free-block.ts';
import { portNumber } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import type { CommandOf } from '../../domain/command.ts';
import { decide } from '../../domain/decide.ts';
import { Network } from '../../domain/network.ts';
import { Rejected } from '../../domain/rejection.ts';
import { makeFolder, replaceFile } from '../../machine/durable-file.ts';
import { openLog } from '../../projections/open-log.ts';
import { withRecords } from '../../store/backup.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { witnessFile } from '../../store/witness.ts';
import { Endpoint, endpointOf, hostOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { NO_HASH, ROOT_CIDR, SERVER_CIDR } from '../../values/id.ts';
import {
  assignableRange,
  Cidr,
  familyOf,
  fromNumber,
  Ip,
  kindOf,
  prefixOf,
  singleton,
} from '../../values/ip.ts';
import type { PrivateKey, PublicKey } from '../../values/key.ts';
import { keyPairFrom } from '../../values/key-pair.ts';
import { Hostname, InterfaceName } from '../../values/name.ts';
import { isPrivateRange, PRIVATE_BLOCKS, reservedIn } from '../../values/reserved.ts';
import { openLibc } from '../../wireguard/libc.ts';
import { localAddresses, routesOverlapping } from '../../wireguard/routes.ts';
import { ControlPlane, timestamp } from '../commands/control-plane.ts';
import type { Outcome } from '../commands/outcome.ts';
import { formatConf, type ServerConf } from '../disk/conf.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';
import { LoggedNetwork } from '../live/logged-network.ts';
import { rehearse } from '../past/rehearsal.ts';
import { freeUdpPort } from './free-port.ts';
import { operator } from './local-plane.ts';
import type { NewOptions } from './options.ts';
import { ownAddress } from './own-address.ts';
import { takenPorts } from './taken-ports.ts';

const LISTEN_PORT = 51_820;
/** The first one that is tried. */
const RELAY_PORT = 51_821;

/** Unused by common programs and routers: DESIGN.md, decision 28. */
const EXAMPLE_RANGE = '10.61.0.0/16';

type Plan = {
  name: InterfaceName;
  cidr: Cidr;
  endpoint: Endpoint;
  listenPort: number;
  firstCidr: { name: Hostname; cidr: Cidr } | undefined;
  relayPort: number | undefined;
};

/** Throws `Failure`, `Rejected` or `Usage`; nothing is made then. */
export const createNetwork = async (options: NewOptions): Promise<void> => {
  const questions = new Questions(options);
  const plan = await ask(questions, options);
  const files = filesOf(plan.name, options);
  refuseReserved(plan.cidr);
  if (!options.allowRange) refusePublic(plan.cidr);
  await refuseExisting(plan.name, files);
  const keys = keyPairFrom(randomBytes(32));
  const command = commandFor(plan, keys.publicKey);
  refuseByRule(command);
  await warnOfOverlaps(plan);
  if (options.dryRun) {
    const nothing = { position: 0, hash: NO_HASH };
    const context = { actor: operator(), now: timestamp() };
    sayOutcome(rehearse(new Network(), nothing, command, context), options, { done: '' });
    return;
  }
  await questions.confirmIfAsked(`Create the network ${plan.name} (${plan.cidr})?`);
  await makeFolder(options.configDir);
  await makeFolder(options.dataDir);
  const lock = ProcessLock.take(join(options.dataDir, plan.name), `a program for the network ${plan.name}`);
  try {
    await refuseExisting(plan.name, files);
    const outcome = await writeLog(command, files);
    const conf = confOf(outcome, plan, keys.privateKey);
    await writeConf(conf, files);
    say(outcome, conf, plan, files, options);
  } finally {
    lock.release();
  }
};

const ask = async (questions: Questions, options: NewOptions): Promise<Plan> => {
  const name = await questions.text({
    flag: '--network-name',
    question: 'Network name',
    given: options.networkName,
    schema: InterfaceName,
  });
  const cidr = await questions.text({
    flag: '--network-cidr',
    question: 'Network CIDR',
    given: options.networkCidr,
    schema: Cidr,
    initial: EXAMPLE_RANGE,
  });
  const endpoint = options.autoExternalEndpoint
    ? endpointOf(await ownAddress(), options.listenPort ?? LISTEN_PORT)
    : await questions.text({
        flag: '--external-endpoint',
        question: 'External endpoint',
        given: options.externalEndpoint,
        schema: Endpoint,
        initial: likelyEndpoint(),
      });
  warnOfPrivate(endpoint);
  const taken = await takenPorts(options);
  const listenPort = await askPort(questions, options, taken);
  const firstCidr = await askFirstCidr(questions, options, cidr);
  const relayPort = options.relay
    ? await freeUdpPort(RELAY_PORT, new Set([listenPort, ...taken.keys()]))
    : undefined;
  return { name, cidr, endpoint, listenPort, firstCidr, relayPort };
};

/** Without one, no peer can be invited yet. Asked only in a conversation. */
const askFirstCidr = async (
  questions: Questions,
  { firstCidr }: NewOptions,
  range: Cidr,
): Promise<Plan['firstCidr']> => {
  if (firstCidr === undefined && !questions.asked) return undefined;
  const block = firstBlock(range);
  if (block === undefined && firstCidr === undefined) return undefined;
  if (block === undefined)
    throw new Failure(`${range} is too small for another CIDR`, { hint: 'leave --first-cidr out' });
  const name = await questions.text({
    flag: '--first-cidr',
    question: `First group of peers (CIDR ${block}; - for none)`,
    given: firstCidr,
    schema: z.union([z.literal('-'), Hostname]),
    initial: 'people',
  });
  return name === '-' ? undefined : { name, cidr: block };
};

const askPort = async (
  questions: Questions,
  { listenPort }: NewOptions,
  taken: ReadonlyMap<number, string>,
): Promise<number> => {
  if (listenPort !== undefined && taken.has(listenPort))
    note(
      `innernet-server: warning: ${taken.get(listenPort)} on this machine has UDP port ${listenPort}: only one of the two can be up`,
    );
  let free = LISTEN_PORT;
  while (taken.has(free)) free += 1;
  if (listenPort !== undefined || !questions.asked) return listenPort ?? free;
  return questions.text({
    flag: '--listen-port',
    question: 'Listen port',
    given: undefined,
    schema: portNumber,
    initial: String(free),
  });
};

/** Peers elsewhere never reach a private address. */
const warnOfPrivate = (endpoint: Endpoint): void => {
  const ip = Ip.safeParse(hostOf(endpoint)).data;
  if (ip === undefined || kindOf(ip) !== 'private') return;
  note(
    `innernet-server: warning: ${ip} is a private address: only machines of the same LAN reach it. For others give your ` +
      "router's public address or name, and forward the port there",
  );
};

const firstBlock = (range: Cidr): Cidr | undefined =>
  freeBlock({
    cidrs: [
      { id: ROOT_CIDR, cidr: range },
      { id: SERVER_CIDR, cidr: singleton(fromNumber(assignableRange(range).first, familyOf(range))) },
    ],
  });

/** A public one if possible. */
const likelyEndpoint = (): string | undefined => {
  const ips = localAddresses().map(({ ip }) => ip);
  const ip = ips.find((each) => kindOf(each) === 'unicast') ?? ips.find((each) => kindOf(each) === 'private');
  return ip && endpointOf(ip, LISTEN_PORT);
};

const refuseReserved = (cidr: Cidr): void => {
  const reserved = reservedIn(cidr);
  if (!reserved) return;
  throw new Failure(`the range ${cidr} overlaps ${reserved.block}, which is for ${reserved.use}`, {
    hint: `choose a private range, such as --network-cidr ${EXAMPLE_RANGE}`,
  });
};

const refusePublic = (cidr: Cidr): void => {
  if (isPrivateRange(cidr) || prefixOf(cidr) === 0) return;
  throw new Failure(
    `the range ${cidr} is not private: its members could not reach those who own these addresses`,
    {
      hint: `choose one in ${PRIVATE_BLOCKS}, such as --network-cidr ${EXAMPLE_RANGE}; if it is yours: --allow-range`,
    },
  );
};

const refuseExisting = async (
  name: InterfaceName,
  { conf, foreignDatabase }: NetworkFiles,
): Promise<void> => {
  if (existsSync(conf)) {
    throw new Failure(`the network ${name} exists already: there is ${conf}`, {
      hint: `start it: innernet-server serve ${name}; or choose another name`,
    });
  }
  if (existsSync(foreignDatabase)) {
    throw new Failure(`${foreignDatabase} is a network of innernet 2.0's server`, {
      hint: 'put its conf back, or choose another name',
    });
  }
  if (openLibc().deviceIndex(name) !== 0) {
    throw new Failure(
      `this machine has a network device ${name} already, and the network would need that name`,
      {
        hint: `choose another name, or remove the device: ip link delete ${name}`,
      },
    );
  }
};

/** Such a route may be intended. */
const warnOfOverlaps = async ({ name, cidr }: Plan): Promise<void> => {
  for (const route of await routesOverlapping(cidr, name)) {
    note(
      `innernet-server: warning: ${cidr} overlaps the route ${route.cidr} of ${route.device}: those addresses ` +
        'will not be reached any more, or not in the network',
    );
  }
};

const commandFor = (
  { name, cidr, endpoint, firstCidr, relayPort }: Plan,
  serverKey: PublicKey,
): CommandOf<'CreateNetwork'> => ({
  type: 'CreateNetwork',
  name,
  cidr,
  serverKey,
  endpoint,
  firstCidr,
  relayPort,
});

/** Before anything is touched. */
const refuseByRule = (command: CommandOf<'CreateNetwork'>): void => {
  const decision = decide(new Network(), command, { actor: operator(), now: timestamp() });
  if (!decision.accepted) throw new Rejected(decision.rejection);
};

/**
 * The log first, then the conf, which completes the network. A lone creation without a conf is left from a
 * killed run: its key is lost.
 */
const writeLog = async (command: CommandOf<'CreateNetwork'>, files: NetworkFiles): Promise<Outcome> => {
  await discardUnfinished(files);
  try {
    const log = await openLog({
      file: files.log,
      mode: 'create',
    });
    try {
      const plane = new ControlPlane(log, new LoggedNetwork(log, new Network()));
      return await plane.execute(command, { actor: operator() });
    } finally {
      await log.close();
    }
  } catch (error) {
    await removeLog(files);
    throw error;
  }
};

const confOf = ({ events }: Outcome, { cidr, listenPort }: Plan, privateKey: PrivateKey): ServerConf => {
  const server = events.find((event) => event.type === 'PeerAdded');
  if (!server) throw new Error('a network begins with its server');
  return { privateKey, listenPort, address: server.ip, prefix: prefixOf(cidr) };
};

const writeConf = async (conf: ServerConf, files: NetworkFiles): Promise<void> => {
  try {
    await replaceFile(files.conf, formatConf(conf));
  } catch (error) {
    if (!existsSync(files.conf)) await removeLog(files);
    throw error;
  }
};

/** Reads only: a killed run may have left no read models to check. */
const holdsCreationAtMost = (file: string): Promise<boolean> =>
  withRecords(file, async (records) => {
    const [first] = await records.read(0, 1);
    return !first || first.commitEnd === (await records.head()).position;
  });

const discardUnfinished = async (files: NetworkFiles): Promise<void> => {
  if (!existsSync(files.log)) return;
  if (!(await holdsCreationAtMost(files.log))) {
    throw new Failure(`${files.log} holds a network, but its conf ${files.conf} is missing`, {
      hint: 'put the conf back from a backup, move the log away, or choose another name',
    });
  }
  await removeLog(files);
};

const removeLog = async ({ log }: NetworkFiles): Promise<void> => {
  for (const path of [log, `${log}-wal`, `${log}-shm`, witnessFile(log)]) await rm(path, { force: true });
};

const say = (
  { position, hash }: Outcome,
  { address }: ServerConf,
  { name, cidr, endpoint, listenPort, firstCidr, relayPort }: Plan,
  { conf, log }: NetworkFiles,
  { json }: NewOptions,
): void => {
  if (json) {
    answerJson({
      name,
      cidr,
      address,
      endpoint,
      listenPort,
      firstCidr,
      relayPort,
      conf,
      log,
      position,
      hash,
    });
    return;
  }
  answer(`created the network ${name}: ${cidr}, this server at ${address}`);
  note(`start it: sudo innernet-server serve ${name}`);
  if (firstCidr)
    note(
      `then invite into "${firstCidr.name}" (${firstCidr.cidr}): innernet-server add-peer ${name} --cidr ${firstCidr.name}`,
    );
  else
    note(
      `then add a group and invite into it: innernet-server add-cidr ${name} people ${firstBlock(cidr) ?? cidr}`,
    );
  note(`let UDP port ${listenPort} through to this machine: peers reach it at ${endpoint}`);
  if (relayPort !== undefined)
    note(`and UDP port ${relayPort}: there it relays for peers that find no direct way to each other`);
};
