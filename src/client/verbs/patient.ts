/** The data of `doctor`: a network's conf, memory, device, link and server, each read once. */
import type { GlobalOptions } from '../../cli/options.ts';
import type { Conf } from '../../protocol/conf.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Device, DeviceState } from '../../wireguard/device.ts';
import type { Routing } from '../../wireguard/guard.ts';
import { type Link, linkNamed } from '../../wireguard/link.ts';
import { routingOf } from '../../wireguard/routes.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { Api } from '../api/api.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import { pathsOf } from '../memory/paths.ts';
import type { Ground } from '../memory/pins.ts';
import type { Kept } from '../memory/state-file.ts';

export class Patient {
  readonly network: InterfaceName;
  readonly options: GlobalOptions;
  readonly conf: Conf;
  readonly ground: Ground;
  readonly api: Api;

  private constructor(network: InterfaceName, options: GlobalOptions, conf: Conf, api: Api) {
    this.network = network;
    this.options = options;
    this.conf = conf;
    this.ground = groundOf(conf);
    this.api = api;
  }

  /** Throws a `Failure` when the network is not installed. */
  static async of(network: InterfaceName, options: GlobalOptions): Promise<Patient> {
    const paths = pathsOf(network, options);
    const conf = await readConf(paths.conf, network);
    return new Patient(network, options, conf, await Api.of(network, conf, paths));
  }

  kept(): Promise<Kept> {
    return readState(pathsOf(this.network, this.options), this.ground);
  }

  link(): Promise<Link | undefined> {
    return linkNamed(this.network);
  }

  device(): Promise<Device | undefined> {
    return openDevice(this.network);
  }

  routing(): Promise<Routing> {
    return routingOf(this.ground.range);
  }

  async state(): Promise<DeviceState | undefined> {
    return (await this.device())?.read();
  }

  close(): void {
    this.api.close();
  }
}
