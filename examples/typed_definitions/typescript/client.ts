// Made by corral codegen; the next run overwrites it.
/** The client: a producer for each job type. */

import type * as models from "./models.js";
import { Http, OptionalProducer, Producer } from "./runtime.js";

/** One publisher, one key; a producer for each job type. */
export class Client extends Http {
  /**
   * Removes ended jobs that are older than a day, and says how many.
   *
   * Job type database.clean, queue database.
   */
  readonly databaseClean = new OptionalProducer<
    unknown,
    models.DatabaseCleanResult,
    "database"
  >(this, "database.clean");
  /**
   * Sends the e-mail that follows a sign-up.
   *
   * Job type email.welcome, queue emails.
   */
  readonly emailWelcome = new Producer<
    models.EmailWelcomePayload,
    models.EmailWelcomeResult,
    "emails"
  >(this, "email.welcome");
}
