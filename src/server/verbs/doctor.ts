/** `innernet-server doctor`: checks a network on the server's machine. */
import { type DoctorOptions, examine } from '../../cli/examining.ts';
import type { InterfaceName } from '../../values/name.ts';
import { rangeOf, readConf } from '../disk/conf.ts';
import { filesOf } from '../disk/files.ts';
import { STEPS } from './examination.ts';

/** Throws a `Failure` without such a network here. */
export const doctor = async (network: InterfaceName, options: DoctorOptions): Promise<void> => {
  const conf = readConf(filesOf(network, options).conf);
  await examine(STEPS, { network, folders: options, conf, range: rangeOf(conf) }, options);
};
