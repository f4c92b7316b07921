// Runs inside a host of the lab: asks the question of the file that is named, and prints where it was answered.
import { readFileSync } from 'node:fs';
import { PrivateKey } from '../../src/values/key.ts';
import { whoAnswers } from '../../src/wireguard/question.ts';

const { own, other, places, behindMs = 0 } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const clock = Date.now;
Date.now = () => clock() - behindMs; // of this machine, as far as this program knows
process.stdout.write(`${(await whoAnswers({ own: PrivateKey.parse(own), other }, places)) ?? 'nobody'}\n`);
