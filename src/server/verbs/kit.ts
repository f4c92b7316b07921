/** `innernet-server kit`: the server's secrets in one file, sealed by a passphrase, for a machine that may take over. */
import { existsSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid } from '../../cli/local-change.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { shellWord } from '../../domain/rejection.ts';
import { replaceFile } from '../../machine/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { timestamp } from '../commands/control-plane.ts';
import { rangeOf, readConf, type ServerConf } from '../disk/conf.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';
import { type KitHead, sealKit } from '../disk/kit.ts';
import { refuseOtherConf } from '../disk/other-conf.ts';
import { questionKey, readQuestionKey } from '../disk/question-key.ts';
import { relaySecret } from '../disk/relay-secret.ts';
import { readSecrets, SECRET_FILES, secretsInWords } from '../disk/secrets.ts';
import { LocalPlane } from './local-plane.ts';
import type { KitOptions } from './options.ts';
import { kitPassphrase } from './passphrase.ts';

/**
 * Makes the key pair of the question where there is none, and records its public half. Throws `Failure` or `Usage`
 * and writes no kit: no such network, a file that is there and not confirmed, no passphrase.
 */
export const kit = async (network: InterfaceName, options: KitOptions): Promise<void> => {
  const plane = await LocalPlane.open(network, options);
  try {
    await make(plane, filesOf(network, options), options);
  } finally {
    await plane.close();
  }
};

const make = async (plane: LocalPlane, files: NetworkFiles, options: KitOptions): Promise<void> => {
  const conf = readConf(files.conf);
  refuseOtherConf(conf, await plane.state(), files, 'log');
  const questions = new Questions(options);
  const path = await placeOf(questions, options.save);
  const { network } = plane;
  if (isOnlySaid({ network, changes: await ordersOf(plane, files, path) }, options)) return;
  const isReplaced = existsSync(path);
  if (isReplaced) await questions.sure(`${path} is there already. Write over it?`);
  const passphrase = await kitPassphrase(questions, 'new');
  // Private half, record, kit: whatever the kit asks with, the server answers.
  const { publicKey } = questionKey(files.questionKey);
  relaySecret(files.relaySecret);
  const secrets = readSecrets(files);
  const text = await sealKit(await headOf(plane, conf), secrets, passphrase);
  const { position } = await plane.execute({ type: 'SetQuestionKey', publicKey });
  await save(path, text, isReplaced);
  const holds = SECRET_FILES.filter((file) => secrets[file] !== null);
  if (options.json) answerJson({ network, file: path, questionKey: publicKey, position, holds });
  else say(network, path, secretsInWords(secrets));
};

const FileName = z.string().min(1, 'name a file, such as acme.kit');

/** Absolute. Throws a `Failure` for a folder, or a file in a folder that is not there. */
const placeOf = async (questions: Questions, save: string | undefined): Promise<string> => {
  const said = await questions.text({
    flag: '--save',
    question: 'File for the kit',
    given: save,
    schema: FileName,
  });
  const path = resolve(said);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Failure(`${path} is a folder`, {
      hint: `name a file in it: --save ${shellWord(`${said}/acme.kit`)}`,
    });
  const folder = dirname(path);
  if (!existsSync(folder))
    throw new Failure(`there is no folder ${folder}`, {
      hint: `make it first: mkdir -p ${shellWord(folder)}`,
    });
  return path;
};

const ordersOf = async (plane: LocalPlane, files: NetworkFiles, path: string): Promise<string[]> => {
  const pair = readQuestionKey(files.questionKey);
  const { questionKey: recorded } = await plane.state();
  const isRecorded = pair !== undefined && pair.publicKey === recorded;
  return [
    ...(pair ? [] : [`make the key of the question, in ${files.questionKey}`]),
    ...(isRecorded ? [] : ['record its public half']),
    ...(existsSync(files.relaySecret) ? [] : [`make the secret of the relay, in ${files.relaySecret}`]),
    `${existsSync(path) ? 'replace' : 'make'} ${path}, with the secrets of this machine, sealed by a passphrase`,
  ];
};

const headOf = async (plane: LocalPlane, conf: ServerConf): Promise<KitHead> => {
  const [state, { networkId }] = await Promise.all([plane.state(), plane.view()]);
  return {
    network: state.name,
    networkId,
    publicKey: publicKeyOf(conf.privateKey),
    address: conf.address,
    range: rangeOf(conf),
    port: conf.listenPort,
    endpoint: state.peer(SERVER_PEER)?.endpoint ?? null,
    made: timestamp(),
  };
};

/** Whole or not there; what came to that name meanwhile is not overwritten unless that was said. */
const save = async (path: string, text: string, isReplaced: boolean): Promise<void> => {
  if (isReplaced) await chmod(path, 0o600);
  else if (existsSync(path))
    throw new Failure(`${path} was made meanwhile, and is not overwritten`, { hint: 'name another file' });
  await replaceFile(path, text, { mode: 0o600 });
};

const say = (network: string, path: string, holds: readonly string[]): void => {
  answer(`wrote ${path}, sealed by the passphrase: ${holds.join('; ')}`);
  note(`copy it to the standby's machine, then there: innernet-server standby ${network} --of FILE`);
  note('whoever has both the kit and the passphrase can be this server: keep them apart');
};
