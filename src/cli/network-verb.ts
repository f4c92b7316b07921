/** A verb on one network, optional where this machine has one; flags may be given as words. */
import type { EventEmitter } from 'node:events';
import { Argument, Command } from 'commander';
import { InterfaceName, RecordedName } from '../values/name.ts';
import { isNetworkHere, networksIn } from './networks.ts';
import { flag, globalOptionsOf, parsedBy } from './options.ts';
import { Usage } from './usage.ts';

/** The name of a network, checked before it becomes part of a path. */
export const networkName = parsedBy('network', InterfaceName);

export class NetworkVerb extends Command {
  readonly #words: string[] = [];

  constructor(name: string) {
    super(name);
    this.argument('[network]', 'its name on this machine (default: the only one)', networkName);
  }

  /** Lets a flag be given as a word too, such as `[peer]` for `--name`. */
  word(placeholder: string, flag: string, description: string): this {
    this.addArgument(new Argument(`[${placeholder}]`, description));
    this.#words.push(flag);
    return this;
  }

  /** The one that it acts on, by its name: `--name`, or a word. */
  about(what: 'peer' | 'cidr', description: string): this {
    return this.addOption(flag(`--name <${what}>`, description, RecordedName)).word(
      what,
      '--name',
      description,
    );
  }

  override parseOptions(argv: string[]): ReturnType<Command['parseOptions']> {
    const { operands, unknown } = super.parseOptions(argv);
    const all = unknown.length > 0 ? operands : this.#withNetwork(operands);
    for (const [at, flag] of this.#words.entries()) this.#take(flag, all[at + 1]);
    return { operands: all, unknown };
  }

  #withNetwork(operands: string[]): string[] {
    const [first] = operands;
    if (operands.length >= this.registeredArguments.length) return operands;
    const folders = globalOptionsOf(this);
    if (first !== undefined && isNetworkHere(first, folders)) return operands;
    const here = networksIn(folders);
    if (here.length === 1 && here[0] !== undefined) return [here[0], ...operands];
    const needed = this.registeredArguments.filter(({ required }) => required).length;
    if (operands.length > needed) return operands;
    const known = here.length === 0 ? 'this machine has none' : `this machine has ${here.join(', ')}`;
    throw new Usage(`the network is missing: ${known}`);
  }

  #take(flag: string, word: string | undefined): void {
    if (word === undefined) return;
    const option = this.options.find(({ long }) => long === flag);
    if (!option) throw new Error(`${this.name()} has no ${flag}`);
    if (this.getOptionValueSource(option.attributeName()) === 'cli')
      throw new Usage(`"${word}" and ${flag} say the same thing: say one of them`);
    // Handled as the typed flag, so that its rules and errors are the same.
    (this as unknown as EventEmitter).emit(`option:${option.name()}`, word);
  }
}
