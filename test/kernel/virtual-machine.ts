// A virtual machine under qemu's software emulation, which runs lines of shell for us: booted, booted again, halted.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Answer } from '../lab/running.ts';

type Options = {
  /** With `disk`, `vmlinuz` and `initrd`: scripts/kernel-disk.js. The disk is not written to. */
  folder: string;
  /** A file system that becomes /mnt. */
  packages: string;
  /** Where the kernel's console is written. */
  console: string;
};

/** An emulated processor on a busy machine takes its time: this tells only what will never come. */
const PATIENCE_MS = 600_000;

const argumentsOf = ({ folder, packages, console }: Options): string[] => [
  ...['-accel', 'tcg,thread=multi', '-cpu', 'max,la57=off', '-smp', '2', '-m', '1536'],
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', `file:${console}`],
  ...['-kernel', join(folder, 'vmlinuz'), '-initrd', join(folder, 'initrd')],
  ...['-append', 'root=/dev/vda rw console=ttyS0 panic=-1'],
  ...['-drive', `file=${join(folder, 'disk')},format=raw,if=virtio,snapshot=on`],
  ...['-drive', `file=${packages},format=raw,if=virtio,readonly=on`],
  ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
  ...['-chardev', 'stdio,id=agent,signal=off', '-device', 'virtserialport,chardev=agent,name=agent'],
];

const decoded = (word = ''): string => Buffer.from(word.slice(1), 'base64').toString();

export class VirtualMachine {
  readonly #qemu: ChildProcess;
  readonly #lines: Interface;
  readonly #options: Options;
  #complaints = '';

  private constructor(options: Options) {
    this.#options = options;
    const argv = ['--pdeathsig', 'KILL', 'nice', '-n', '5', 'qemu-system-x86_64', ...argumentsOf(options)];
    this.#qemu = spawn('setpriv', argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#qemu.stderr?.on('data', (text) => {
      this.#complaints += text;
    });
    this.#qemu.stdin?.on('error', () => {});
    if (!this.#qemu.stdout) throw new Error('qemu has no stdout');
    this.#lines = createInterface({ input: this.#qemu.stdout });
  }

  /** Resolves when systemd has started everything, and lines can be run. */
  static async boot(options: Options): Promise<VirtualMachine> {
    const machine = new VirtualMachine(options);
    try {
      await machine.#ready();
    } catch (error) {
      await machine.halt();
      throw error;
    }
    return machine;
  }

  /** Runs a line of shell as root inside, whatever its exit code; one after another. */
  async exec(line: string): Promise<Answer> {
    const answer = this.#line(line);
    this.#qemu.stdin?.write(`${Buffer.from(line).toString('base64')}\n`);
    const [code, stdout, stderr] = (await answer).split(' ');
    return { code: Number(code), stdout: decoded(stdout), stderr: decoded(stderr) };
  }

  /** As `exec`, but throws unless the exit code is 0; answers with stdout. */
  async sure(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.exec(line);
    if (code !== 0) throw new Error(`${line}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Looks again and again until a line of shell succeeds. */
  async until(line: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while ((await this.exec(line)).code !== 0)
      if (performance.now() > deadline) throw new Error(`it did not come to that: ${line}`);
  }

  /** Boots it again, by systemd's own way; resolves as `boot` does. */
  async reboot(): Promise<void> {
    // In a moment, so that the answer to this line comes first.
    await this.sure('systemd-run --quiet --on-active=1 systemctl reboot');
    await this.#ready();
  }

  async halt(): Promise<void> {
    if (this.#qemu.exitCode !== null || this.#qemu.signalCode !== null) return;
    const gone = once(this.#qemu, 'exit');
    this.#qemu.kill('SIGKILL');
    await gone;
  }

  async #ready(): Promise<void> {
    while ((await this.#line('its start')) !== 'ready');
    await this.exec('systemctl is-system-running --wait');
    await this.sure('mount -o ro /dev/vdb /mnt');
  }

  /** The next line from inside. */
  async #line(what: string): Promise<string> {
    const stopped = new AbortController();
    const { signal } = stopped;
    const timer = setTimeout(() => stopped.abort(), PATIENCE_MS);
    const gone = once(this.#qemu, 'exit', { signal }).then(() => undefined);
    try {
      const line = await Promise.race([once(this.#lines, 'line', { signal }), gone]);
      if (line) return String(line[0]);
    } catch (cause) {
      if (!signal.aborted) throw cause;
    } finally {
      clearTimeout(timer);
      stopped.abort();
      gone.catch(() => {});
    }
    throw new Error(`no answer to ${what}\n${this.#complaints}${this.#lastOfConsole()}`);
  }

  #lastOfConsole(): string {
    return readFileSync(this.#options.console, 'utf8').split('\n').slice(-30).join('\n');
  }
}
