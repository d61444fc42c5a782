// Made by corral codegen; the next run overwrites it.
/** What job types take and give. Names begin with that of the job type. */

/** How many ended jobs were removed, by queue. */
export interface DatabaseCleanResult {
  removed: { [key: string]: number };
}

/** Who signed up, and how to greet them. */
export interface EmailWelcomePayload {
  /**
   * Their address.
   *
   * Must be text that matches ^[^@\s]+@[^@\s]+$.
   *
   * Example: "ada@example.com"
   */
  readonly to: string;
  /** Must be text of 1 to 100 characters. */
  readonly name: string;
  /** Default: "en" */
  readonly language?: "de" | "en" | "fr" | undefined;
  /** Default: null */
  readonly signed_up_at?: string | Date | null | undefined;
}

/** What was sent. */
export interface EmailWelcomeResult {
  to: string;
  subject: string;
}
