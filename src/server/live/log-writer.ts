/** The program of the log's writer thread: bundled as dist/log-writer.js, started by `openLog`. */
import { READ_MODELS } from '../../projections/projections.ts';
import { serveWriter } from '../../store/writer-thread.ts';

serveWriter(READ_MODELS.projections);
