// The page's script for tests: it hands out what it draws from, which the one that is published keeps to itself.
import { start } from '../../src/page/start.tsx';

void start((page) => Object.assign(globalThis, { innernetPage: page }));
