// Turns IPv6 forwarding of all interfaces on, or puts it back: `JOURNAL lend|back`.
import { lendEverywhere, putEverywhereBack } from '../../src/filter/lent-everywhere.ts';

const [journal = '', what] = process.argv.slice(2);
if (what === 'lend') lendEverywhere(journal);
else putEverywhereBack(journal);
