// Made by corral codegen; the next run overwrites it.
/**
 * A typed client of Corral's job types.
 *
 * Made by `corral codegen typescript`; do not edit, the next run overwrites it.
 */

export { Client } from "./client.js";
export type * as models from "./models.js";
export * from "./queues.js";
export { ENDED, JobNotCompleted, Problem, Unreachable } from "./runtime.js";
export type {
  Accepted,
  Bulk,
  Connection,
  Event,
  Job,
  LogLine,
  Options,
  Refused,
  State,
  Submission,
  SubmitOptions,
} from "./runtime.js";
export { InvalidPayload } from "./validation.js";
export type { FieldError } from "./validation.js";
