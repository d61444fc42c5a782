// Made by corral codegen; the next run overwrites it.
/** Speaks to a publisher: sends jobs, waits for them, follows them. Needs fetch and nothing else. */

import { RULES } from "./rules.js";
import { check, InvalidPayload, type FieldError } from "./validation.js";

export type State = "blocked" | "scheduled" | "queued" | "running" | "completed" | "failed" | "cancelled";
/** The states that a job does not leave by itself. */
export const ENDED: ReadonlySet<State> = new Set<State>(["completed", "failed", "cancelled"]);
/** Milliseconds for one answer; a wait adds its own. */
const ANSWER_MS = 30_000;
/** Seconds that one request may wait. */
const MAX_WAIT = 60;
const POLL_MS = 500;
/** Milliseconds without a word after which a stream of events counts as broken. */
const SILENCE_MS = 45_000;
const RECONNECT_MS = 1_000;
/** Milliseconds without a publisher after which following gives up. */
const GIVE_UP_MS = 60_000;
/** Seconds that one call waits in all, where the publisher asks this caller to send less. */
const ASKED_SECONDS = 60;
const BOUNDS: { readonly [option: string]: readonly [number, number, boolean, string] } = {
  delay: [0, 31622400, false, "at least 0 and at most 31,622,400 seconds"],
  retries: [0, 1000, false, "at least 0 and at most 1,000 tries"],
  timeout: [0, 604800, true, "above 0 and at most 604,800 seconds"],
  expires_in: [0, 31622400, true, "above 0 and at most 31,622,400 seconds"],
};

/** What a submission may say beside its payload. What is left out the job type and its queue say. */
export interface Options {
  /** How urgent it is in its queue. */
  readonly priority?: "critical" | "high" | "normal" | "low" | undefined;
  /** Seconds until it may start; or give run_at. It must be at least 0 and at most 31,622,400 seconds. */
  readonly delay?: number | undefined;
  /** When it may start, with a time zone; or give delay. */
  readonly run_at?: string | Date | undefined;
  /** Tries after the first. It must be at least 0 and at most 1,000 tries. */
  readonly retries?: number | undefined;
  /** Seconds for one attempt. It must be above 0 and at most 604,800 seconds. */
  readonly timeout?: number | undefined;
  /** Seconds after which it is cancelled if it has not started. It must be above 0 and at most 31,622,400 seconds. */
  readonly expires_in?: number | undefined;
  /** Words to find it by, beside those of its type. */
  readonly tags?: readonly string[] | undefined;
  /** Limits that it takes from, beside those of its type and queue. */
  readonly limits?: readonly string[] | undefined;
  /** Its unique key, in place of the one that its type makes of the payload. */
  readonly unique_key?: string | undefined;
}

export interface JobOptions<Q extends string> extends Options {
  readonly queue?: Q | undefined;
  /** False leaves the judgement to the publisher. */
  readonly validate?: boolean | undefined;
}

export interface SubmitOptions<Q extends string> extends JobOptions<Q> {
  /** Seconds to wait for the job's end. */
  readonly wait?: number | undefined;
  /** With it the same request, sent again, answers the job that the first one stored. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A job as it was when the publisher answered. Times are text, in UTC. */
export interface Job<R> {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly priority: string;
  readonly state: State;
  /** Null until it is completed. */
  readonly result: R | null;
  readonly error: { readonly [member: string]: unknown } | null;
  readonly attempt: number;
  readonly errors: number;
  readonly retries: number;
  /** 0 to 100. */
  readonly progress: number;
  readonly progress_message: string | null;
  readonly created_at: string;
  readonly run_at: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly tags: readonly string[];
}

export interface LogLine {
  readonly [member: string]: unknown;
}

/** What happened to a job: `job` is its new state, or `log` one line of its log. */
export type Event<R> = { readonly job: Job<R>; readonly log?: never } | { readonly job?: never; readonly log: LogLine };

/** A job that is checked, and not yet sent. */
export interface Submission {
  readonly body: { readonly [member: string]: unknown };
}

/** One job of a bulk that is stored. */
export interface Accepted {
  readonly id: string;
  readonly state: State;
  readonly errors?: never;
}

/** One submission of a bulk that is wrong. */
export interface Refused {
  readonly id?: never;
  readonly errors: readonly FieldError[];
}

/** What became of a bulk; one item per submission, in its order. */
export interface Bulk {
  readonly accepted: number;
  readonly refused: number;
  readonly items: readonly (Accepted | Refused)[];
}

/** The publisher did not answer. A job that was being submitted may be stored or not. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** The publisher refused. Source: RFC 9457. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly kind: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly FieldError[],
    /** Seconds after which the publisher takes this caller's requests again; undefined where that is not the reason. */
    readonly retryAfter?: number,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }
}

/** The job that was waited for failed, was cancelled, or has not ended in time; `job` says which. */
export class JobNotCompleted extends Error {
  override readonly name = "JobNotCompleted";

  constructor(readonly job: Job<unknown>) {
    const said = job.error?.["message"];
    super(`job ${job.id} is ${job.state}${typeof said === "string" && said ? `: ${said}` : ""}`);
  }
}

export interface Connection {
  /** Where the publisher is, as https://corral.example.com. */
  readonly url: string;
  /** None where a cookie says who is there, as in a page of the same origin. */
  readonly key?: string | undefined;
  /** In place of the fetch of the program or of the browser. */
  readonly fetch?: typeof fetch | undefined;
}

/** One publisher, one key. */
export class Http {
  private readonly url: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly fetch: typeof fetch;

  constructor(connection: Connection) {
    if (connection.key && !/^[ -~]*$/.test(connection.key)) {
      throw new TypeError("the key is none: keys are letters, digits and signs of ASCII, on one line");
    }
    this.url = `${connection.url.replace(/\/+$/, "")}/api/v1`;
    this.headers = {
      Accept: "application/json",
      ...(connection.key ? { Authorization: `Bearer ${connection.key}` } : {}),
    };
    this.fetch = connection.fetch ?? globalThis.fetch.bind(globalThis);
  }

  /**
   * Stores up to 10,000 jobs of any types in one transaction; `producer.job(...)` makes each. One that is wrong
   * refuses all, unless `partial` lets the others pass.
   * @throws Problem, Unreachable
   */
  async submitMany(
    jobs: Iterable<Submission>,
    options: { readonly partial?: boolean; readonly idempotencyKey?: string | undefined } = {},
  ): Promise<Bulk> {
    const body = { jobs: [...jobs].map((one) => one.body) };
    const path = options.partial ? "/jobs/bulk?partial=true" : "/jobs/bulk";
    const answer = await this.call("POST", path, body, { idempotencyKey: options.idempotencyKey });
    const told = answer as { accepted: number; refused: number; jobs: readonly BulkItem[] };
    return { accepted: told.accepted, refused: told.refused, items: told.jobs.map(bulkItem) };
  }

  /**
   * One request below /api/v1; answers its JSON. Waits, up to a minute, where the publisher asks it to send less.
   * @throws Problem, Unreachable
   */
  async call(
    method: string,
    path: string,
    body?: unknown,
    options: Pick<SubmitOptions<string>, "wait" | "idempotencyKey" | "signal"> = {},
  ): Promise<unknown> {
    for (let waited = 0; ; ) {
      try {
        return await this.once(method, path, body, options);
      } catch (error) {
        const seconds = error instanceof Problem ? error.retryAfter : undefined;
        if (seconds === undefined || options.signal?.aborted || waited + seconds > ASKED_SECONDS) throw error;
        waited += seconds;
        console.warn(`too many requests: waiting ${seconds} s, as the publisher asks`);
        await pause(seconds * 1000);
      }
    }
  }

  private async once(
    method: string,
    path: string,
    body: unknown,
    options: Pick<SubmitOptions<string>, "wait" | "idempotencyKey" | "signal">,
  ): Promise<unknown> {
    const key = options.idempotencyKey;
    const headers = key === undefined ? this.headers : { ...this.headers, "Idempotency-Key": key };
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), ANSWER_MS + (options.wait ?? 0) * 1000);
    const give_up = () => limit.abort();
    options.signal?.addEventListener("abort", give_up);
    if (options.signal?.aborted) give_up();
    try {
      const response = await this.send(method, path, headers, body, limit.signal, options.signal);
      const text = await response.text();
      return text === "" ? null : JSON.parse(text);
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", give_up);
    }
  }

  /**
   * What happens to a job until it ends. A connection that breaks is made again.
   * @throws Problem, Unreachable
   */
  async *follow(jobId: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Event<unknown>> {
    const heard = { id: "", at: Date.now() };
    for (;;) {
      let rest = RECONNECT_MS;
      try {
        for await (const [name, data] of this.stream(`/jobs/${jobId}/events`, heard, options.signal)) {
          if (name === "end") return;
          if (name === "job") yield { job: data as Job<unknown> };
          if (name === "log") yield { log: data as LogLine };
        }
      } catch (error) {
        const asked = error instanceof Problem ? error.retryAfter : undefined;
        const refused = error instanceof Problem && error.status < 500 && asked === undefined;
        const ours = error instanceof Problem || error instanceof Unreachable;
        if (!ours || refused || options.signal?.aborted || Date.now() - heard.at > GIVE_UP_MS) throw error;
        if (asked !== undefined) rest = asked * 1000;
      }
      await pause(rest);
    }
  }

  private async *stream(
    path: string,
    heard: { id: string; at: number },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<[string, unknown]> {
    const limit = new AbortController();
    let timer = setTimeout(() => limit.abort(), SILENCE_MS);
    const give_up = () => limit.abort();
    signal?.addEventListener("abort", give_up);
    if (signal?.aborted) give_up();
    const headers = { ...this.headers, Accept: "text/event-stream", ...(heard.id ? { "Last-Event-ID": heard.id } : {}) };
    try {
      const response = await this.send("GET", path, headers, undefined, limit.signal, signal);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const lines = new Lines();
      for (;;) {
        const chunk = await reader?.read().catch((error: unknown) => this.away(error, signal));
        if (chunk === undefined || chunk.done) return;
        clearTimeout(timer);
        timer = setTimeout(() => limit.abort(), SILENCE_MS);
        for (const told of lines.add(chunk.value)) {
          heard.id = told.id || heard.id;
          heard.at = Date.now();
          yield [told.name, JSON.parse(told.data)];
        }
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", give_up);
      limit.abort();
    }
  }

  private async send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: unknown,
    limit: AbortSignal,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const typed = body === undefined ? headers : { ...headers, "Content-Type": "application/json" };
    const asked = { method, headers: typed, signal: limit, ...content };
    const response = await this.fetch(this.url + path, asked).catch((error: unknown) => this.away(error, signal));
    if (!response.ok) throw await problem(response);
    return response;
  }

  private away(error: unknown, signal: AbortSignal | undefined): never {
    if (signal?.aborted) throw error;
    const said = `${this.url} does not answer: ${String(error)}`; // before an @ may be a password
    throw new Unreachable(said.replace(/\/\/[^/\s]*@/g, "//********@"), { cause: error });
  }
}

/** Submits jobs of one type: P is its payload, R its result, Q the queues that it may be in. */
export class Producer<P, R, Q extends string> {
  constructor(
    protected readonly http: Http,
    readonly type: string,
  ) {}

  /**
   * Submits a job; with `wait`, answers when it has ended, or after so many seconds.
   * @throws InvalidPayload where the payload is wrong and nothing was sent; Problem, Unreachable
   */
  async submit(payload: P, options: SubmitOptions<Q> = {}): Promise<Job<R>> {
    return this.sent(this.job(payload, options), options);
  }

  /**
   * Submits a job, waits for it (for 60 seconds, unless told otherwise) and answers its result.
   * @throws JobNotCompleted where it failed, was cancelled, or has not ended; and as `submit` does
   */
  async run(payload: P, options: SubmitOptions<Q> = {}): Promise<R> {
    return completed(await this.sent(this.job(payload, options), { wait: MAX_WAIT, ...options }));
  }

  /**
   * Stores up to 10,000 jobs with the same options in one transaction.
   * @throws InvalidPayload where a payload is wrong, with its place in the pointer; Problem, Unreachable
   */
  async submitMany(
    payloads: Iterable<P>,
    options: JobOptions<Q> & { readonly partial?: boolean; readonly idempotencyKey?: string } = {},
  ): Promise<Bulk> {
    const { partial = false, idempotencyKey, ...each } = options;
    const validate = !partial && (options.validate ?? true);
    const jobs = [...payloads].map((payload, index) => {
      try {
        return this.job(payload, { ...each, validate });
      } catch (error) {
        if (!(error instanceof InvalidPayload)) throw error;
        throw new InvalidPayload(error.errors.map((one) => ({ ...one, pointer: `/jobs/${index}${one.pointer}` })));
      }
    });
    return this.http.submitMany(jobs, { partial, idempotencyKey });
  }

  /** A job for `submitMany` of the client, checked. */
  job(payload: P, options: JobOptions<Q> = {}): Submission {
    return submission(this.type, payload, options);
  }

  /** The job as it is now. */
  async get(jobId: string): Promise<Job<R>> {
    return (await this.http.call("GET", `/jobs/${jobId}`)) as Job<R>;
  }

  /** Cancels the job; one that runs is asked to stop. */
  async cancel(jobId: string): Promise<Job<R>> {
    return (await this.http.call("POST", `/jobs/${jobId}/cancel`)) as Job<R>;
  }

  /** The job as it is when it has ended, or after so many seconds. */
  async wait(job: Job<R> | string, seconds = MAX_WAIT): Promise<Job<R>> {
    const until = Date.now() + seconds * 1000;
    let now = typeof job === "string" ? await this.get(job) : job;
    while (!ENDED.has(now.state) && Date.now() < until) {
      await pause(Math.min(POLL_MS, until - Date.now()));
      now = await this.get(now.id);
    }
    return now;
  }

  /** What happens to the job until it ends: its states and the lines of its log. */
  follow(job: Job<R> | string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Event<R>> {
    return this.http.follow(typeof job === "string" ? job : job.id, options) as AsyncGenerator<Event<R>>;
  }

  protected async sent(job: Submission, options: SubmitOptions<Q>): Promise<Job<R>> {
    const wait = options.wait ?? 0;
    const until = Date.now() + wait * 1000;
    const asked = Math.min(wait, MAX_WAIT);
    const path = asked > 0 ? `/jobs?wait=${asked}` : "/jobs";
    const told = (await this.http.call("POST", path, job.body, {
      wait: asked,
      idempotencyKey: options.idempotencyKey,
      signal: options.signal,
    })) as Job<R>;
    const left = (until - Date.now()) / 1000;
    return left > 0 ? this.wait(told, left) : told;
  }
}

/** Of a type whose payload may be left out. */
export class OptionalProducer<P, R, Q extends string> extends Producer<P, R, Q> {
  override async submit(payload?: P, options: SubmitOptions<Q> = {}): Promise<Job<R>> {
    return this.sent(this.job(payload, options), options);
  }

  override async run(payload?: P, options: SubmitOptions<Q> = {}): Promise<R> {
    return completed(await this.sent(this.job(payload, options), { wait: MAX_WAIT, ...options }));
  }

  override job(payload?: P, options: JobOptions<Q> = {}): Submission {
    return submission(this.type, payload, options);
  }
}

/** The result of a job. @throws JobNotCompleted where it has none */
function completed<R>(job: Job<R>): R {
  if (job.state !== "completed") throw new JobNotCompleted(job);
  return job.result as R;
}

/** @throws InvalidPayload where the payload or an option is wrong */
function submission(type: string, payload: unknown, options: JobOptions<string>): Submission {
  const { validate = true, ...rest } = options;
  const given: { [member: string]: unknown } = { ...rest };
  delete given["wait"];
  delete given["signal"];
  delete given["idempotencyKey"];
  const body = encoded({ type, payload, ...given }) as { readonly [member: string]: unknown };
  if (validate) {
    const errors = Object.entries(body).flatMap(([name, value]) => outOfBounds(name, value));
    const unsaid = unspeakable(payload, "/payload");
    if (errors.length + unsaid.length > 0) throw new InvalidPayload([...unsaid, ...errors]);
    const rules = RULES[type];
    if (rules !== undefined) check(rules, Object.hasOwn(body, "payload") ? (body["payload"] ?? {}) : {});
  }
  return { body };
}

/** A value as JSON has it: what JSON.stringify makes of it. */
function encoded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** Numbers that JSON has no word for, and would be null without one. */
function unspeakable(value: unknown, place: string): FieldError[] {
  if (typeof value === "number" && !Number.isFinite(value)) {
    return [{ pointer: place, message: `is ${value}, which JSON has no word for` }];
  }
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    unspeakable(item, `${place}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  );
}

function outOfBounds(name: string, value: unknown): FieldError[] {
  const bounds = Object.hasOwn(BOUNDS, name) ? BOUNDS[name] : undefined;
  if (bounds === undefined || typeof value !== "number") return [];
  const [least, most, above, says] = bounds;
  if ((above ? least < value : least <= value) && value <= most) return [];
  return [{ pointer: `/${name}`, message: `is ${written(value)}; it must be ${says}` }];
}

function written(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  return String(Number(value.toPrecision(6)));
}

interface BulkItem {
  readonly id?: string;
  readonly state?: State;
  readonly errors?: readonly { readonly pointer?: string; readonly parameter?: string; readonly detail: string }[];
}

function bulkItem(item: BulkItem): Accepted | Refused {
  if (item.errors !== undefined && item.errors !== null) return { errors: fields(item.errors) };
  return { id: item.id ?? "", state: item.state ?? "queued" };
}

function fields(errors: NonNullable<BulkItem["errors"]>): FieldError[] {
  return errors.map((one) => ({ pointer: one.pointer ?? one.parameter ?? "", message: one.detail }));
}

async function problem(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { type?: string; title: string; detail?: string; errors?: BulkItem["errors"] };
    const kind = (body.type ?? "").split(":").pop() ?? "";
    const asked = kind === "rate-exceeded" ? Number(response.headers.get("Retry-After") ?? 1) : undefined;
    return new Problem(response.status, kind, body.title, body.detail ?? "", fields(body.errors ?? []), asked);
  } catch {
    return new Problem(response.status, "", `HTTP ${response.status}`, text.slice(0, 200), []);
  }
}

/** Puts the lines of a stream together. Source: HTML, server-sent events. */
class Lines {
  private rest = "";
  private event = { name: "", data: "", id: "" };

  *add(chunk: string): Generator<{ readonly name: string; readonly data: string; readonly id: string }> {
    const lines = (this.rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (name === "event") this.event.name = value;
      else if (name === "data") this.event.data += value;
      else if (name === "id") this.event.id = value;
      else if (line === "" && this.event.data !== "") {
        yield this.event;
        this.event = { name: "", data: "", id: "" };
      }
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
