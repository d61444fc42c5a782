// Made by corral codegen; the next run overwrites it.
/** The queues, and what code declares for them and for the job types in them. */

/** A queue: the job types that may be in it, and the options that are declared. A type's go before the queue's. */
export interface Queue {
  readonly name: QueueName;
  readonly jobTypes: readonly string[];
  /** Of the queue. */
  readonly declared: { readonly [option: string]: unknown };
  /** By job type. */
  readonly options: { readonly [jobType: string]: { readonly [option: string]: unknown } };
}

export type QueueName = "database" | "emails";

export const DATABASE = {
  name: "database",
  jobTypes: ["database.clean"],
  declared: {},
  options: {
    "database.clean": {
      delay: 5.0,
      keep_failed: { seconds: null, count: 10 },
      keep_finished: { seconds: null, count: 10 },
      limits: ["clean-ups", "clean-ups-now-and-then"],
      queue: "database",
    },
  },
} as const satisfies Queue;

export const EMAILS = {
  name: "emails",
  jobTypes: ["email.welcome"],
  declared: {},
  options: {
    "email.welcome": {
      backoff: { kind: "exponential", seconds: 2, factor: 2.0, jitter: 0.0, cap: 31622400.0 },
      keep_failed: { seconds: null, count: 50 },
      keep_finished: { seconds: null, count: 100 },
      limits: ["welcome-mails", "welcome-mails-a-minute"],
      queue: "emails",
      retries: 2,
    },
  },
} as const satisfies Queue;

/** All of them. */
export const QUEUES: readonly Queue[] = [DATABASE, EMAILS];
