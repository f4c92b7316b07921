/** Strangers flood the relay's port: what it sends to them, and what a relayed pair loses beside it. */
import { resolve } from 'node:path';
import { alone, type Measured, type Row } from './figure.ts';
import { Pings, RELAY_PORT, RelayScene } from './relay-scene.ts';
import { PATHS, type Path } from './scene.ts';

const SECONDS = 10;
/** Fifty pings a second of each. */
const EVERY_SECONDS = 0.02;
const MAX_LOST_PERCENT = 1;

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const scene = await RelayScene.withBoth({ path: PATHS[0] as Path, ports: ['random', 'random'] });
  try {
    await scene.waitFor('relay');
    const stranger = await scene.lab.host('stranger');
    const { address } = scene.server.host;
    const input = `table ip heard { chain in { type filter hook input priority 0; ip saddr ${address} udp sport ${RELAY_PORT} counter; }; }\n`;
    await stranger.sure(['nft', '-f', '-'], { input });
    const program = [process.execPath, resolve('bench/bare/strangers.js')];
    const pings = new Pings(scene, EVERY_SECONDS);
    await pings.areAnswered();
    const flood = [address, String(RELAY_PORT), String(SECONDS)];
    const said = await stranger.sure([...program, ...flood], { timeout: 10 * SECONDS * 1000 });
    const { sent, lost } = await pings.end();
    const rate = Number(said.split(' ')[1]) / SECONDS;
    const heard = Number(
      /bytes (\d+)/.exec(await stranger.sure(['nft', 'list', 'table', 'ip', 'heard']))?.[1],
    );
    say(`relay-flood: ${rate.toFixed(0)} packets/s of strangers; ${lost} of ${sent} pings lost beside them`);
    return [
      alone({ name: 'flood of strangers', unit: 'packets/s' }, [rate]),
      alone({ name: '… bytes sent to them', unit: 'bytes' }, [heard], 1),
      alone({ name: '… relayed pings lost beside it', unit: '%' }, [(100 * lost) / sent], MAX_LOST_PERCENT),
    ];
  } finally {
    await scene.close();
  }
};

export const relayFlood: Row = {
  name: 'relay-flood',
  what: 'strangers flood the relay’s port: bytes sent to them, pings that a relayed pair loses',
  measure,
};
