/** The page's script. */
import { start } from './start.tsx';

void start();
