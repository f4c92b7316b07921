// Writes the names of two networks into a hosts file, both at the same moment, as one daemon does: `namer FILE LOCK ROUNDS NET NET`.
import { writeHosts } from '../../src/cli/hosts-file.ts';
import type { InterfaceName } from '../../src/values/name.ts';

const [file = '', lock = '', rounds = '0', ...networks] = process.argv.slice(2);

for (let round = 1; round <= Number(rounds); round += 1)
  await Promise.all(
    networks.map((network) =>
      writeHosts(
        file,
        network as InterfaceName,
        () => [`10.0.0.${round % 250} n${round}.${network}.wg`],
        lock,
      ),
    ),
  );
