/** Whether this machine forwards a device's packets, by the kernel's switches of both families. */
import { readFile } from 'node:fs/promises';
import type { InterfaceName } from '../values/name.ts';

const switches = (device: InterfaceName): string[] => [
  `/proc/sys/net/ipv4/conf/${device}/forwarding`,
  '/proc/sys/net/ipv6/conf/all/forwarding',
  `/proc/sys/net/ipv6/conf/${device}/forwarding`,
];

export const forwards = async (device: InterfaceName): Promise<boolean> => {
  for (const path of switches(device)) {
    const text = await readFile(path, 'utf8').catch(() => '0');
    if (text.trim() !== '0') return true;
  }
  return false;
};
