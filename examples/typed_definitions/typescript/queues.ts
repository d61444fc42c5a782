// Made by corral codegen; the next run overwrites it.
/** The queues, and what job types declare for the jobs in them. */

/** A queue: the job types that may be in it, and by type the options that its declaration gives. */
export interface Queue {
  readonly name: QueueName;
  readonly jobTypes: readonly string[];
  readonly options: { readonly [jobType: string]: { readonly [option: string]: unknown } };
}

export type QueueName = "database" | "emails";

export const DATABASE = {
  name: "database",
  jobTypes: ["database.clean"],
  options: {
    "database.clean": {
      delay: 5.0,
      keep_failed: { seconds: null, count: 10 },
      keep_finished: { seconds: null, count: 10 },
      queue: "database",
    },
  },
} as const satisfies Queue;

export const EMAILS = {
  name: "emails",
  jobTypes: ["email.welcome"],
  options: {
    "email.welcome": {
      backoff: { kind: "exponential", seconds: 2, factor: 2.0, jitter: 0.0, cap: 31622400.0 },
      keep_failed: { seconds: null, count: 50 },
      keep_finished: { seconds: null, count: 100 },
      queue: "emails",
      retries: 2,
    },
  },
} as const satisfies Queue;

/** All of them. */
export const QUEUES: readonly Queue[] = [DATABASE, EMAILS];
