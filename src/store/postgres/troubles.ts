/** Troubles of a log in PostgreSQL that its users tell apart; without the database's own program. */
import { Failure } from '../../values/failure.ts';

/** No host answers as the primary: trying again may help. */
export class DatabaseAway extends Failure {}

/** Another server has taken the network over, or may have. */
export class LeaseLost extends Failure {}
