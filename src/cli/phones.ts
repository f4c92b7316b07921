/** The verbs of phones and other plain WireGuard peers: add-phone, rekey-phone, phone-config. */
import { type Command, Option } from 'commander';
import type { AdminCommand } from '../domain/command.ts';
import { isPlain } from '../domain/peer.ts';
import { shellWord } from '../domain/rejection.ts';
import { type Reservation, reserveFile } from '../machine/durable-file.ts';
import { Failure } from '../values/failure.ts';
import { SERVER_NAME } from '../values/id.ts';
import { addressOf, familyOf, Ip } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { Hostname, RecordedName } from '../values/name.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, named, sayOutcome } from './change.ts';
import { chooseHome } from './cidrs.ts';
import { endSaid, expiresFlag, type SaidEnd } from './expiry.ts';
import { addressIn, newKeys, STDOUT, stdoutAsFile, untilSignal } from './invitation.ts';
import { type ChangeOptions, flag } from './options.ts';
import { peerChoices } from './peer-choices.ts';
import { phoneConfig, phoneNamed, type Router, routerOf } from './phone-config.ts';
import type { NetworkView, Plane } from './plane.ts';
import { answer, answerDrawing, answerJson, note } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';
import { qrLines } from './qr.ts';
import { Usage } from './usage.ts';

type FileOptions = ChangeOptions & { name?: string; publicKey?: PublicKey; qr?: true; saveConfig?: string };

/** A phone's file, and the command that goes with it. */
type Handing = {
  name: string;
  command: (publicKey: PublicKey) => AdminCommand;
  done: string;
};

const nothing: Reservation = { fill: async () => {}, discard: async () => {} };

const asQr: Reservation = {
  fill: async (text) => answerDrawing(await qrLines(text)),
  discard: async () => {},
};

/** The longest address of the family: the code for any other is no wider. */
const widest = (router: Router): Ip =>
  Ip.parse(
    familyOf(addressOf(router.range)) === 4 ? '255.255.255.255' : 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  );

const refuseNarrow = async (text: string): Promise<void> => {
  const [line = ''] = await qrLines(text);
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
  if (columns === undefined || columns >= line.length) return;
  throw new Failure(`the QR code is ${line.length} columns wide, and this terminal has ${columns}`, {
    hint: 'make the terminal wider, or write a file: --save-config NAME.conf',
  });
};

/** Where the file goes, before anything is recorded. Throws where it cannot go there. */
const outletOf = async (
  { publicKey, qr, saveConfig, json }: FileOptions,
  longest: () => Promise<string>,
): Promise<Reservation> => {
  if (saveConfig === STDOUT && !json) return stdoutAsFile;
  if (saveConfig !== undefined && saveConfig !== STDOUT) return reserveFile(saveConfig);
  if (json && publicKey === undefined)
    throw new Usage('--save-config is missing: with --json the file of the phone needs a place of its own');
  if (publicKey !== undefined) return json ? nothing : stdoutAsFile;
  if (!qr && !process.stdout.isTTY)
    throw new Usage(
      '--qr or --save-config is missing: the file of the phone holds its key, and is shown once',
    );
  await refuseNarrow(await longest());
  return asQr;
};

/** Said with each file. */
export const READS = `what a phone says is encrypted as far as ${SERVER_NAME}, which passes it on and can read it`;

const handOver = async (
  plane: Plane,
  view: NetworkView,
  { name, command, done }: Handing,
  options: FileOptions,
): Promise<void> => {
  const keys = options.publicKey === undefined ? await newKeys() : undefined;
  const publicKey = options.publicKey ?? keys?.publicKey;
  if (publicKey === undefined) throw new TypeError('a phone has a key');
  if (options.dryRun) return sayOutcome(await plane.rehearse(command(publicKey)), options, { done });
  const router = routerOf(view, await plane.server());
  const longest = async () => phoneConfig(router, widest(router), keys?.privateKey);
  // A refusal of the rules is a better reason than a file or a terminal.
  await plane.rehearse(command(publicKey));
  const file = await outletOf(options, longest);
  await untilSignal(file, async () => {
    const outcome = await plane.execute(command(publicKey)).catch(async (error: unknown) => {
      await file.discard();
      throw error;
    });
    const ip = addressIn(outcome, view, name);
    await fill(file, phoneConfig(router, ip, keys?.privateKey), name);
    const { saveConfig } = options;
    const said = `${done} at ${ip}${saveConfig === undefined || saveConfig === STDOUT ? '' : `: ${saveConfig}`}`;
    if (options.json)
      sayOutcome(
        outcome,
        options,
        { done },
        { ip, file: saveConfig ?? null, config: phoneConfig(router, ip, undefined) },
      );
    else note(said);
    note(READS);
  });
};

const fill = async (file: Reservation, text: string, name: string): Promise<void> => {
  try {
    await file.fill(text);
  } catch (cause) {
    throw new Failure(
      `"${name}" has its key, but its file could not be written: ${(cause as Error).message}`,
      {
        hint: 'give it another key, and its file to another place',
        verb: `rekey-phone --name ${shellWord(name)}`,
        cause,
      },
    );
  }
};

/** Throws a `Failure` where the server passes no packets of phones. */
export const refuseUnpassed = ({ phonesRefused }: NetworkView, network: string): void => {
  if (phonesRefused === undefined) return;
  throw new Failure(`the server passes no packets of phones: ${phonesRefused}`, {
    hint: `on the server: look at its conf, then serve ${network} again`,
  });
};

type AddOptions = FileOptions & { name?: Hostname; cidr?: string; ip?: Ip; expires?: SaidEnd };

const addPhone = async (plane: Plane, options: AddOptions): Promise<void> => {
  const questions = new Questions(options);
  const name = await questions.text({
    flag: '--name',
    question: 'Name of the phone',
    given: options.name,
    schema: Hostname,
  });
  const cidr = await chooseHome(plane, questions, options.cidr);
  await questions.confirmIfAsked(
    `Add the phone "${name}" to "${cidr}"? ${SERVER_NAME} can read what it says.`,
  );
  const view = await plane.view();
  refuseUnpassed(view, plane.network);
  const { ip, expires } = options;
  const more = {
    ...(ip === undefined ? {} : { ip }),
    ...(expires === undefined ? {} : { expires: endSaid(expires) }),
  };
  const command = (publicKey: PublicKey): AdminCommand => ({
    type: 'AddPlainPeer',
    name,
    cidr,
    publicKey,
    ...more,
  });
  await handOver(plane, view, { name, command, done: `added the phone ${named(name)}` }, options);
};

const choosePhone = (plane: Plane, questions: Questions, name: string | undefined): Promise<string> =>
  questions.choice({
    flag: '--name',
    question: 'Phone',
    given: name,
    choices: async () => peerChoices(await plane.view(), isPlain),
    none: 'there is no phone yet',
    way: async () => ({ hint: 'add one', verb: 'add-phone' }),
  });

const rekeyPhone = async (plane: Plane, options: FileOptions): Promise<void> => {
  const questions = new Questions(options);
  const name = await choosePhone(plane, questions, options.name);
  await questions.confirmIfAsked(`Give "${name}" another key? Its present file ends at once.`, 'no');
  const view = await plane.view();
  const peer = phoneNamed(view, name).id;
  const command = (publicKey: PublicKey): AdminCommand => ({ type: 'RekeyPlainPeer', peer, publicKey });
  await handOver(plane, view, { name, command, done: `gave ${named(name)} another key` }, options);
};

const showConfig = async (plane: Plane, options: { name?: string; json?: true }): Promise<void> => {
  const name = await choosePhone(plane, new Questions({}), options.name);
  const view = await plane.view();
  const { ip, publicKey } = phoneNamed(view, name);
  const config = phoneConfig(routerOf(view, await plane.server()), ip, undefined);
  if (options.json) answerJson({ name, ip, publicKey, config });
  else answer(config.trimEnd());
};

const WHOSE = "the phone's name";

const addFileOptions = (verb: Command): Command =>
  addChangeOptions(
    verb
      .addOption(
        flag(
          '--public-key <key>',
          'the key of a phone that made its own; its private half stays there',
          PublicKey,
        ),
      )
      .addOption(
        new Option('--qr', 'show the file as a QR code (the default on a terminal)').conflicts([
          'saveConfig',
          'publicKey',
        ]),
      )
      .option('--save-config <file>', 'write the file for WireGuard, - for stdout'),
  );

export const addPhoneVerbs = (program: Command, open: Open): void => {
  const add = networkVerb(program, 'add-phone', {
    summary: 'let in a phone, or another machine with plain WireGuard: the server passes its packets',
    examples: [
      'add-phone acme ann-phone --cidr humans --qr',
      'add-phone acme printer --cidr machines --save-config printer.conf',
      'add-phone acme ann-phone --cidr humans --public-key Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE=',
    ],
  })
    .addOption(flag('--name <name>', 'its name', Hostname))
    .addOption(flag('--cidr <cidr>', 'the CIDR that it belongs to', RecordedName))
    .addOption(flag('--ip <address>', 'its permanent address', Ip))
    .addOption(expiresFlag())
    .word('name', '--name', 'its name');
  actsOn<AddOptions>(addFileOptions(add), open, addPhone);
  const rekey = networkVerb(program, 'rekey-phone', {
    summary: 'give a phone another key, at the same address: its present file ends at once',
    examples: ['rekey-phone acme ann-phone --qr', 'rekey-phone acme ann-phone --save-config ann-phone.conf'],
  }).about('peer', WHOSE);
  actsOn<FileOptions>(addFileOptions(rekey), open, rekeyPhone);
  const config = networkVerb(program, 'phone-config', {
    summary: "show what a phone's file has to say now, without its private key",
    examples: ['phone-config acme ann-phone', 'phone-config acme ann-phone --json'],
  })
    .about('peer', WHOSE)
    .option('--json', 'answer with JSON');
  actsOn<{ name?: string; json?: true }>(config, open, showConfig);
};
