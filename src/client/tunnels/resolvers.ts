/** The resolvers that this machine asks, and those of them that it asks beside an exit. */
import { readFile } from 'node:fs/promises';
import { familyOf, Ip } from '../../values/ip.ts';
import { run } from '../../wireguard/program.ts';

/** Where a program of the system answers in their place, the second file has those that it asks. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** Their addresses, without this machine's own. */
export const resolvers = async (): Promise<Ip[]> => {
  const found = new Set<Ip>();
  for (const path of FILES) {
    const text = await readFile(path, 'utf8').catch(() => '');
    for (const [, word = ''] of text.matchAll(/^\s*nameserver\s+(\S+)/gm)) {
      const ip = Ip.safeParse(word.split('%')[0]);
      if (ip.success && !/^127\.|^::1$/.test(ip.data)) found.add(ip.data);
    }
  }
  return [...found];
};

export type ResolverOutside = { ip: Ip; device: string };

/** By which device the kernel asks those that it does not ask through the network's. */
export const resolversOutside = async (network: string): Promise<ResolverOutside[]> => {
  const outside: ResolverOutside[] = [];
  for (const ip of await resolvers()) {
    const { code, stdout } = await run('ip', ['-json', `-${familyOf(ip)}`, 'route', 'get', ip]);
    const [route]: { dev?: string; type?: string }[] = code === 0 ? JSON.parse(stdout || '[]') : [];
    const device = route?.dev;
    if (device && device !== 'lo' && device !== network) outside.push({ ip, device });
  }
  return outside;
};

/** `DNS still goes to 192.168.1.1 on eth0, outside the exit`. */
export const dnsText = (outside: readonly ResolverOutside[]): string =>
  `DNS still goes to ${outside.map(({ ip, device }) => `${ip} on ${device}`).join(', ')}, outside the exit`;
