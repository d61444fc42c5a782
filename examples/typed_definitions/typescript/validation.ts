// Made by corral codegen; the next run overwrites it.
/** Judges payloads before they are sent, as the publisher would, and in its words. */

type Json = unknown;
type Members = { readonly [key: string]: Json };
export type Rule = boolean | RuleOf;
type Scalar = {
  readonly type: readonly string[];
  readonly enum?: readonly Json[];
  readonly format?: string;
  readonly pattern?: Pattern;
  readonly trimmed?: boolean;
  readonly unsure?: boolean;
  readonly [bound: string]: unknown;
};
type Pattern = { readonly javascript: string; readonly ascii?: boolean };
type Keyed = { readonly rule: Rule; readonly pattern?: Pattern; readonly unsure?: boolean };
type Tagged = { readonly name: string; readonly says: string; readonly choices: { readonly [tag: string]: number } };
export interface RuleOf {
  readonly type?: readonly string[];
  readonly enum?: readonly Json[];
  readonly constant?: boolean;
  readonly pattern?: Pattern;
  readonly format?: string;
  readonly taken?: Scalar;
  readonly multipleOf?: number;
  readonly required?: readonly string[];
  readonly properties?: { readonly [name: string]: Rule };
  readonly keyed?: readonly Keyed[];
  readonly additionalProperties?: Rule;
  readonly propertyNames?: Rule;
  readonly items?: Rule;
  readonly prefixItems?: readonly Rule[];
  readonly allOf?: readonly Rule[];
  readonly anyOf?: readonly Rule[];
  readonly oneOf?: readonly Rule[];
  readonly not?: Rule;
  readonly if?: Rule;
  readonly then?: Rule;
  readonly else?: Rule;
  readonly ref?: string;
  readonly fields?: readonly string[];
  readonly count?: string;
  readonly tagged?: Tagged;
  readonly says?: string;
  readonly each?: readonly string[];
  readonly unsure?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}
export type Rules = { readonly [name: string]: Rule };

const MAX_ERRORS = 20;
const MAX_MESSAGE = 300;
const MAX_ALTERNATIVES = 3;
/** Characters of a value that a message repeats. */
const SHOWN = 60;
const UNSEEN = /[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** Nesting that the publisher takes. */
const MAX_DEPTH = 64;
/** Faults that say that a value is of another kind altogether. */
const OTHER: ReadonlySet<string> = new Set(["type", "enum", "constant", "taken"]);
const COUNTED = [
  ["minLength", "characters", "at least"],
  ["maxLength", "characters", "at most"],
  ["minItems", "items", "at least"],
  ["maxItems", "items", "at most"],
  ["minProperties", "members", "at least"],
  ["maxProperties", "members", "at most"],
] as const;
const BOUNDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const;

/** One thing that is wrong with a payload: where, as a JSON pointer (RFC 6901), and why. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

/** The payload is not what the job type takes; nothing was sent. */
export class InvalidPayload extends Error {
  override readonly name = "InvalidPayload";
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    super(errors.map((one) => `${one.pointer}: ${one.message}`).join("; "));
    this.errors = errors;
  }
}

/**
 * Accepts what the publisher accepts.
 * @throws InvalidPayload with one error per fault, at most 20, each with its pointer below `/payload`.
 */
export function check(rules: Rules, payload: Json): void {
  let errors = storable(payload, "/payload", 0);
  if (errors.length === 0) {
    errors = new Judge(rules).faults(rules[""] ?? true, payload, [], 0).flatMap(told);
  }
  if (errors.length > 0) throw new InvalidPayload(errors.slice(0, MAX_ERRORS));
}

/** What JSON, or the publisher's database, has no word for. */
function storable(value: Json, place: string, depth: number): FieldError[] {
  if (isObject(value) || Array.isArray(value)) {
    if (depth >= MAX_DEPTH) {
      return [{ pointer: place, message: `is nested deeper than ${MAX_DEPTH} levels` }];
    }
    return Object.entries(value).flatMap(([key, item]) => storable(item, `${place}/${escaped(key)}`, depth + 1));
  }
  return [];
}

type Path = readonly (string | number)[];

/** A value that a rule refuses. */
interface Fault {
  readonly kind: string;
  readonly path: Path;
  readonly rule: RuleOf;
  readonly value: Json;
  /** Members that are missing or unknown. */
  readonly names: readonly string[];
  /** What is wrong with each way to be right. */
  readonly inner: readonly (readonly Fault[])[];
}

function fault(kind: string, path: Path, rule: RuleOf, value: Json, names: readonly string[] = []): Fault {
  return { kind, path, rule, value, names, inner: [] };
}

/** Finds what is wrong with one payload. Whatever it is unsure of, it takes. */
class Judge {
  private unsure = 0;
  private readonly following = new Map<string, Set<Json>>();

  constructor(private readonly rules: Rules) {}

  /** What is wrong with a value. */
  faults(rule: Rule, value: Json, path: Path, depth: number): Fault[] {
    if (rule === true || depth > 10 * MAX_DEPTH) return [];
    if (rule === false) return [fault("nothing", path, {}, value)];
    if (rule.unsure) this.unsure += 1;
    const found = this.scalar(rule, value, path);
    if (isObject(value)) found.push(...this.object(rule, value, path, depth));
    else if (Array.isArray(value)) found.push(...this.list(rule, value, path, depth));
    for (const part of rule.allOf ?? []) found.push(...this.faults(part, value, path, depth + 1));
    if (rule.ref !== undefined) found.push(...this.followed(rule.ref, value, path, depth));
    found.push(...this.choices(rule, value, path, depth));
    if (rule.not !== undefined && this.faults(rule.not, value, path, depth + 1).length === 0) {
      found.push(fault("nothing", path, rule, value));
    }
    if (rule.if !== undefined) {
      const fits = this.faults(rule.if, value, path, depth + 1).length === 0;
      found.push(...this.faults((fits ? rule.then : rule.else) ?? true, value, path, depth + 1));
    }
    return found;
  }

  private followed(name: string, value: Json, path: Path, depth: number): Fault[] {
    const here = this.following.get(name) ?? new Set<Json>();
    const whole = isObject(value) || Array.isArray(value) ? value : JSON.stringify([path, value]);
    if (here.has(whole)) return [];
    here.add(whole);
    this.following.set(name, here);
    const found = this.faults(this.rules[name] ?? true, value, path, depth + 1);
    here.delete(whole);
    return found;
  }

  private scalar(rule: RuleOf, value: Json, path: Path): Fault[] {
    const found: Fault[] = [];
    const refuse = (kind: string) => found.push(fault(kind, path, rule, value));
    if (rule.type !== undefined && !rule.type.some((kind) => isOf(kind, value))) refuse("type");
    if (rule.enum !== undefined && !rule.enum.some((one) => equal(one, value))) {
      refuse(rule.constant ? "constant" : "enum");
    }
    if (typeof value === "string") {
      if (!this.matches(rule, value)) refuse("pattern");
      if (rule.format !== undefined && this.known(ofFormat(rule.format, value)) === false) refuse("format");
    }
    if (typeof value === "number") {
      for (const key of BOUNDS) {
        const bound = rule[key];
        if (bound !== undefined && !within(key, bound, value)) refuse(key);
      }
      if (rule.multipleOf !== undefined && !this.multiple(value, rule.multipleOf)) refuse("multipleOf");
    }
    for (const [key, things] of COUNTED) {
      const limit = rule[key];
      const count = limit === undefined ? undefined : counted(things, value);
      if (limit !== undefined && count !== undefined && (key.startsWith("min") ? count < limit : count > limit)) {
        refuse(key);
      }
    }
    if (rule.taken !== undefined && this.takes(rule.taken, value) === false) refuse("taken");
    return found;
  }

  private object(rule: RuleOf, value: Members, path: Path, depth: number): Fault[] {
    const found: Fault[] = [];
    for (const name of rule.required ?? []) {
      if (!Object.hasOwn(value, name)) found.push(fault("required", path, rule, value, [name]));
    }
    const members = rule.properties ?? {};
    const others = rule.additionalProperties ?? true;
    const unknown: string[] = [];
    for (const [name, item] of Object.entries(value)) {
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      if (member !== undefined) found.push(...this.faults(member, item, [...path, name], depth + 1));
      const fits = (rule.keyed ?? []).filter((one) => this.matches(one, name));
      for (const one of fits) found.push(...this.faults(one.rule, item, [...path, name], depth + 1));
      if (member !== undefined || fits.length > 0) continue;
      if (others === false) unknown.push(name);
      else found.push(...this.faults(others, item, [...path, name], depth + 1));
    }
    if (unknown.length > 0) found.push(fault("unknown", path, rule, value, unknown));
    if (rule.propertyNames !== undefined) {
      for (const name of Object.keys(value)) {
        for (const inner of this.faults(rule.propertyNames, name, path, depth + 1)) {
          found.push({ kind: "key", path, rule, value: name, names: [], inner: [[inner]] });
        }
      }
    }
    return found;
  }

  private list(rule: RuleOf, value: readonly Json[], path: Path, depth: number): Fault[] {
    const first = rule.prefixItems ?? [];
    const items = rule.items ?? true;
    const found: Fault[] = [];
    value.forEach((item, number) => {
      if (number >= first.length) found.push(...this.faults(items, item, [...path, number], depth + 1));
    });
    value.slice(0, first.length).forEach((item, number) => {
      found.push(...this.faults(first[number] ?? true, item, [...path, number], depth + 1));
    });
    return found;
  }

  private choices(rule: RuleOf, value: Json, path: Path, depth: number): Fault[] {
    const found: Fault[] = [];
    for (const kind of ["anyOf", "oneOf"] as const) {
      const several = rule[kind];
      if (several === undefined) continue;
      const before = this.unsure;
      const inner = several.map((one) => this.faults(one, value, path, depth + 1));
      const fitting = inner.filter((one) => one.length === 0).length;
      if (fitting === 0) found.push({ kind, path, rule, value, names: [], inner });
      else if (kind === "oneOf" && fitting > 1 && this.unsure === before) {
        found.push({ kind: "several", path, rule, value, names: [], inner });
      }
    }
    return found;
  }

  private known(known: boolean | undefined): boolean | undefined {
    if (known === undefined) this.unsure += 1;
    return known;
  }

  private matches(rule: { readonly pattern?: Pattern }, value: string): boolean {
    const pattern = rule.pattern;
    if (pattern === undefined || new RegExp(pattern.javascript, "u").test(value)) return true;
    if (pattern.ascii && !/^[\x00-\x7f]*$/.test(value)) {
      this.unsure += 1;
      return true;
    }
    return false;
  }

  private multiple(value: number, step: number): boolean {
    if (Number.isSafeInteger(value) && Number.isSafeInteger(step)) return value % step === 0;
    const share = value / step;
    if (!Number.isFinite(share)) {
      this.unsure += 1;
      return true;
    }
    const away = Math.abs(share - Math.round(share));
    if (away > 1e-6) return false;
    if (away > 0 || !Number.isSafeInteger(value)) this.unsure += 1;
    return true;
  }

  /** Whether the worker's model takes a value that JSON Schema alone may refuse. */
  private takes(scalar: Scalar, value: Json): boolean | undefined {
    if (scalar.unsure) this.unsure += 1;
    if (scalar.enum !== undefined) return chosen(scalar.enum, value);
    const known = scalar.type.map((kind) => this.takesKind(kind, scalar, value));
    if (known.includes(true)) return true;
    return known.includes(undefined) ? this.known(undefined) : false;
  }

  private takesKind(kind: string, scalar: Scalar, value: Json): boolean | undefined {
    if (kind === "string") return this.takesText(scalar, value);
    if (kind === "boolean") return asBoolean(value);
    if (kind !== "integer" && kind !== "number") return value === null;
    const number = kind === "integer" ? asWhole(value) : asNumber(value);
    if (number === undefined) return false;
    for (const key of BOUNDS) {
      const bound = scalar[key];
      if (typeof bound === "number" && !within(key, bound, number)) return false;
    }
    return typeof scalar["multipleOf"] !== "number" || this.multiple(number, scalar["multipleOf"]);
  }

  private takesText(scalar: Scalar, value: Json): boolean | undefined {
    if (scalar.pattern === undefined && !scalar.trimmed) {
      return scalar.unsure ? typeof value === "string" : ofFormat(scalar.format ?? "", value);
    }
    if (typeof value !== "string") return false;
    if (!scalar.trimmed) return this.matches(scalar, value);
    const text = value.trim();
    const [least, most, length] = [scalar["minLength"], scalar["maxLength"], [...text].length];
    if ((typeof least === "number" && length < least) || (typeof most === "number" && length > most)) return false;
    return this.matches(scalar, text);
  }
}

function isObject(value: Json): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOf(kind: string, value: Json): boolean {
  switch (kind) {
    case "null":
      return value === null;
    case "integer":
      return typeof value === "number" && Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    default:
      return typeof value === kind;
  }
}

function equal(one: Json, other: Json): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => equal(item, other[index]));
  }
  if (isObject(one) && isObject(other)) {
    const keys = Object.keys(one);
    return keys.length === Object.keys(other).length && keys.every((key) => equal(one[key], other[key]));
  }
  return one === other;
}

function within(key: (typeof BOUNDS)[number], bound: number, value: number): boolean {
  switch (key) {
    case "minimum":
      return value >= bound;
    case "maximum":
      return value <= bound;
    case "exclusiveMinimum":
      return value > bound;
    case "exclusiveMaximum":
      return value < bound;
  }
}

function counted(things: string, value: Json): number | undefined {
  if (things === "characters") return typeof value === "string" ? [...value].length : undefined;
  if (things === "items") return Array.isArray(value) ? value.length : undefined;
  return isObject(value) ? Object.keys(value).length : undefined;
}

// What Pydantic takes in place of a value of another JSON type. Source: its conversion table.

const WHOLE = /^[+-]?\d+(?:_\d+)*(?:\.0*)?$/;
const NUMBER = /^[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?$/;
const BOOLEANS: ReadonlySet<string> = new Set(
  ["1", "on", "t", "true", "y", "yes", "0", "off", "f", "false", "n", "no"],
);
const DAY = /^(\d{4})-(\d{2})-(\d{2})/;
const CLOCK = /^(\d{2}):(\d{2})/;
const PLAIN_TIME = /^(\d{2}:\d{2})(:[0-5]\d)?(\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;
const UUID_PARTS = /^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$/;

function asWhole(value: Json): number | undefined {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined;
  if (typeof value !== "string" || !WHOLE.test(value.trim())) return undefined;
  return Number((value.trim().split(".")[0] ?? "").replaceAll("_", ""));
}

function asNumber(value: Json): number | undefined {
  if (typeof value === "boolean" || typeof value === "number") return Number(value);
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word) return word[2]?.toLowerCase() === "nan" ? Number.NaN : word[1] === "-" ? -Infinity : Infinity;
  return NUMBER.test(text) && !text.endsWith("_") ? Number(text.replaceAll("_", "")) : undefined;
}

function asBoolean(value: Json): boolean {
  if (typeof value === "boolean" || value === 0 || value === 1) return true;
  return typeof value === "string" && BOOLEANS.has(value.toLowerCase());
}

function chosen(choices: readonly Json[], value: Json): boolean {
  const plain = (one: Json): Json => (typeof one === "boolean" ? Number(one) : one);
  if (typeof value === "boolean" || typeof value === "number") return choices.map(plain).includes(Number(value));
  if (choices.some((one) => equal(one, value))) return true;
  const numbers = choices.length > 0 && choices.every((one) => typeof plain(one) === "number");
  return numbers && typeof value === "string" && choices.map(plain).includes(asNumber(value));
}

/** Whether a value is of a format; undefined where only the publisher knows. */
function ofFormat(name: string, value: Json): boolean | undefined {
  if (name === "date" || name === "date-time") return asMoment(value, name);
  if (name === "time") return asTime(value);
  if (name === "duration") {
    if (typeof value === "string") return /\d/.test(value) ? undefined : false;
    return typeof value === "number" || typeof value === "boolean" ? undefined : false;
  }
  if (name === "email" || name === "name-email") return typeof value === "string" && value.includes("@");
  if (name === "uri") {
    if (typeof value !== "string" || !value.includes(":")) return false;
    return /^[a-z][a-z0-9]*:\/\/[a-z][a-z0-9.]*[a-z](?:\/[a-z0-9/._-]*)?$/.test(value) ? true : undefined;
  }
  if (name.startsWith("uuid")) {
    if (typeof value !== "string") return false;
    if (UUID_PARTS.test(value)) return true;
    return value.includes("-") && value.length >= 32 ? undefined : /^(?:urn:uuid:|\{)/.test(value) ? undefined : false;
  }
  if (name.startsWith("ip")) return asAddress(name, value);
  return typeof value === "string";
}

function asMoment(value: Json, name: string): boolean | undefined {
  if (typeof value === "number") return undefined;
  if (typeof value !== "string") return false;
  const text = value.trim();
  if (/^[+-]?[\d.]+$/.test(text)) return undefined;
  const day = DAY.exec(text);
  if (!day) return false;
  const [year, month, date] = [Number(day[1]), Number(day[2]), Number(day[3])];
  if (year === 0) return undefined;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  if (days === undefined || date < 1 || date > days) return false;
  if (text.length === 10) return true;
  const [sign, rest] = [text[10] ?? "", text.slice(11)];
  const clock = PLAIN_TIME.test(rest);
  if (!"Tt _".includes(sign) || (clock && !clockFits(rest))) return false;
  return clock && name === "date-time" && sign === "T" ? true : undefined;
}

function asTime(value: Json): boolean | undefined {
  if (typeof value === "number") return undefined;
  if (typeof value !== "string") return false;
  const text = value.trim();
  if (!CLOCK.test(text)) return /^[+-]?[\d.]+$/.test(text) ? undefined : false;
  if (!clockFits(text)) return false;
  return PLAIN_TIME.test(text) ? true : undefined;
}

function clockFits(text: string): boolean {
  const clock = CLOCK.exec(text);
  return clock !== null && Number(clock[1]) < 24 && Number(clock[2]) < 60;
}

function asAddress(name: string, value: Json): boolean | undefined {
  if (typeof value !== "string") return typeof value === "number" || typeof value === "boolean" ? undefined : false;
  if (!name.endsWith("address") && name !== "ipv4" && name !== "ipv6") return undefined;
  const part = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  const four = new RegExp(`^${part}(?:\\.${part}){3}$`).test(value);
  if (name === "ipv4") return four;
  if (!value.includes(":")) return name !== "ipv6" && four;
  return undefined;
}

// Words for what is wrong.

/** The errors that one fault stands for: missing and unknown members are named themselves. */
function told(one: Fault): FieldError[] {
  switch (one.kind) {
    case "required":
    case "unknown": {
      const message = one.kind === "required" ? "is required" : "is not a known field";
      return one.names.map((name) => error([...one.path, name], message));
    }
    case "anyOf":
    case "oneOf":
    case "several":
      return toldChoice(one);
    case "key": {
      const key = shown(one.value);
      const inner = one.inner[0]?.[0];
      return (inner ? told(inner) : []).map((found) =>
        error(one.path, `has the key ${key}: it ${found.message}`.replaceAll(`it is ${key}; `, "")),
      );
    }
    default:
      return [error(one.path, message(one))];
  }
}

function message(one: Fault): string {
  for (const [key, things, bound] of COUNTED) {
    if (key !== one.kind) continue;
    const count = counted(things, one.value) ?? 0;
    const number = count === 1 ? `1 ${things.slice(0, -1)}` : `${grouped(count)} ${things}`;
    return `has ${number}; it must have ${bound} ${grouped(one.rule[key] ?? 0)}`;
  }
  if (one.kind === "nothing") return "is not allowed";
  if (one.kind === "multipleOf") return `is ${shown(one.value)}; it must be a multiple of ${one.rule.multipleOf}`;
  return `is ${shown(one.value)}; it must be ${one.rule.says ?? "something else"}`;
}

/** Of several ways to be right: the one that was meant, where that can be told; else all. */
function toldChoice(one: Fault): FieldError[] {
  const { rule, path } = one;
  if (rule.fields !== undefined) {
    const [first = "", ...others] = rule.fields;
    if (rule.count !== undefined) return [error(path, `needs ${rule.count} one of ${rule.fields.join(", ")}`)];
    const more = others.length > 0 ? `; it may also be called ${either(others)}` : "";
    return [error([...path, first], `is required${more}`)];
  }
  if (rule.tagged !== undefined) return toldTagged(one, rule.tagged);
  const says = rule.says ?? "something else";
  if (one.kind === "several")
    return [error(path, `fits more than one of what is allowed, and must fit one alone: ${says}`)];
  const meant = one.inner
    .map((faults, index) => ({ faults, words: rule.each?.[index] ?? "" }))
    .filter(({ faults }) => faults.length > 0 && !isOther(faults, path));
  if (meant.length === 1) return (meant[0]?.faults ?? []).flatMap(told);
  if (meant.length > 0 && (Array.isArray(one.value) || isObject(one.value))) {
    const nearest = meant.sort((a, b) => distance(a.faults) - distance(b.faults)).slice(0, MAX_ALTERNATIVES);
    return [error(path, `is nothing that is allowed. ${nearest.map(toldAlternative).join(". ")}`)];
  }
  return [error(path, `is ${shown(one.value)}; it must be ${says}`)];
}

function toldAlternative({ faults, words }: { faults: readonly Fault[]; words: string }): string {
  const first = faults[0] === undefined ? undefined : told(faults[0])[0];
  return `To be ${words}: ${first?.pointer ?? ""} ${first?.message ?? ""}`;
}

/** Where a member says which of several objects is meant. */
function toldTagged(one: Fault, tagged: Tagged): FieldError[] {
  const { path, value } = one;
  const { name, says } = tagged;
  if (!isObject(value)) return [error(path, `is ${shown(value)}; it must be an object whose ${name} is ${says}`)];
  if (!Object.hasOwn(value, name)) return [error([...path, name], `is required; it must be ${says}`)];
  const tag = String(value[name]);
  const number = Object.hasOwn(tagged.choices, tag) ? tagged.choices[tag] : undefined;
  if (number === undefined) return [error([...path, name], `is ${shown(value[name])}; it must be ${says}`)];
  return (one.inner[number] ?? []).flatMap(told);
}

function isOther(faults: readonly Fault[], path: Path): boolean {
  return faults.some((one) => OTHER.has(one.kind) && one.path.join("\0") === path.join("\0"));
}

function distance(faults: readonly Fault[]): number {
  return faults.length + (faults.some((one) => one.kind === "constant" || one.kind === "enum") ? 1e6 : 0);
}

function error(path: Path, text: string): FieldError {
  const signs = [...text];
  const message = signs.length <= MAX_MESSAGE ? text : `${signs.slice(0, MAX_MESSAGE).join("")} …`;
  return { pointer: `/payload${path.map((part) => `/${escaped(String(part))}`).join("")}`, message };
}

function escaped(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

function either(words: readonly string[]): string {
  const unique = [...new Set(words)];
  const last = unique.pop() ?? "";
  return unique.length > 0 ? `${unique.join(", ")} or ${last}` : last;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A value as a message repeats it: JSON, cut short; of lists and objects only what they are. */
function shown(value: Json): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  if (typeof value === "number") return number(value);
  if (typeof value !== "string") return JSON.stringify(value);
  const text = [...quoted([...value].slice(0, SHOWN + 1).join(""))];
  return text.length <= SHOWN ? text.join("") : `${text.slice(0, SHOWN).join("")}…`;
}

/** A text as JSON, in which every character can be seen. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A number as the publisher, which is written in Python, repeats it. */
function number(value: number): string {
  const text = Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential() : JSON.stringify(value);
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}
