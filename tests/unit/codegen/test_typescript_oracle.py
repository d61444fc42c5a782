"""The types of TypeScript clients beside those that json-schema-to-typescript makes of the same schemas."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from tests.fixtures.typescript import TOOLS, compiled, needs_typescript, node
from tests.unit.catalog.models import MODELS

from corral.catalog import Catalog, JobType, job_type
from corral.catalog.payloads.schema import payload_schema_of
from corral.codegen import generate

ALSO_DATES = "ours takes a Date, too"
WORKER_DECIDES = "the worker may take more than the schema says, so ours does"
NO_TUPLES = "the other one does not know prefixItems"
ANYTHING = "ours is unknown, the other one an object"
ONE_OF_FIELDS = (
    "theirs is a union of objects; ours is one object, and the check of the payload wants one of its fields"
)
DIFFERENT = {
    "datetime": ALSO_DATES,
    "aware": ALSO_DATES,
    "naive": ALSO_DATES,
    "union of dates": ALSO_DATES,
    "order": ALSO_DATES,
    "generic": ALSO_DATES,
    "enum of anything": WORKER_DECIDES,
    "flags": WORKER_DECIDES,
    "wrapped": WORKER_DECIDES,
    "tuple": NO_TUPLES,
    "named tuple": NO_TUPLES,
    "any": ANYTHING,
    "picked": ONE_OF_FIELDS,
    "written": ONE_OF_FIELDS,
    "holding": ANYTHING,
}
"""Where the two differ, and why."""
NONE = "None"
"""No payload at all: there is no type for it."""

# Ours are deeply readonly, and theirs are not.
CHECK = """import type * as ours from "./ours/models.js";
type Readonly<T> = T extends string | number | boolean | null | undefined
  ? T : T extends object ? { readonly [K in keyof T]: Readonly<T[K]> } : T;
"""
PAIR = """import type {{ Root as Theirs{n} }} from "./theirs/m{n}.js";
export const there{n} = (one: ours.OracleM{n}Payload): Readonly<Theirs{n}> => one;
export const back{n} = (one: Readonly<Theirs{n}>): ours.OracleM{n}Payload => one;
"""
OF_BOTH = len(PAIR.splitlines())
SCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
const [library, folder] = process.argv.slice(2);
const { compile } = await import(library);
const options = { additionalProperties: false, ignoreMinAndMaxItems: true, bannerComment: "", format: false };
for (const [name, schema] of Object.entries(JSON.parse(readFileSync("schemas.json"))))
  writeFileSync(`${folder}/${name}.ts`, await compile(schema, "Root", options));
"""


def declared() -> dict[str, JobType[Any, Any]]:
    return {
        f"oracle.m{number}": job_type(f"oracle.m{number}", payload=model)
        for number, (name, model) in enumerate(MODELS.items())
        if name != NONE
    }


def schema_of(model: Any) -> dict[str, Any]:
    """Named as the other one's export is."""
    return {**payload_schema_of(TypeAdapter(model)), "title": "Root"}


@needs_typescript
def test_both_make_the_same_types_but_where_ours_are_better(tmp_path: Path):
    names = [name for name in MODELS if name != NONE]
    numbers = {list(MODELS).index(name): name for name in names}
    source = tmp_path / "src"
    (source / "theirs").mkdir(parents=True)
    generate("typescript", Catalog(declared()), source / "ours")
    schemas = {f"m{number}": schema_of(MODELS[name]) for number, name in numbers.items()}
    (tmp_path / "schemas.json").write_text(json.dumps(schemas))
    (tmp_path / "theirs.mjs").write_text(SCRIPT)
    library = TOOLS / "json-schema-to-typescript" / "dist" / "src" / "index.js"
    node("theirs.mjs", library.as_uri(), source / "theirs", folder=tmp_path)
    pairs = [PAIR.format(n=number) for number in numbers]
    (source / "check.ts").write_text(CHECK + "".join(pairs))
    said = compiled(tmp_path, exactOptionalPropertyTypes=False)
    lines = [int(line) for line in re.findall(r"src/check\.ts\((\d+),", said)]
    assert len(lines) == said.count(": error "), said
    first = len(CHECK.splitlines()) + 1
    assert {names[(line - first) // OF_BOTH] for line in lines} == set(DIFFERENT), said
