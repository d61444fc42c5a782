"""How Postgres' own client, psql, is started on the store: read-only, in Corral's schema, without a password in sight."""

from collections.abc import Mapping, Sequence

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from corral.store.postgres.connection import HONOURED


def psql_command(
    url: str, schema: str, statements: Sequence[str], environment: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The arguments of psql and its environment.

    Sessions begin read-only, and names are looked up in `schema` first. The password travels in the environment,
    where `ps` does not show it. Of the caller's PG variables those count that do for Corral's own connections.
    Without `statements` psql is interactive.

    Source: PostgreSQL documentation, psql and libpq environment variables.
    """
    parts = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    password = parts.pop("password", None)
    options = f"{parts.pop('options', '')} -c default_transaction_read_only=on -c search_path={schema},public"
    arguments = [f"--dbname={make_conninfo('', **parts)}"]
    for statement in statements:
        arguments += ["--command", statement]
    counting = () if parts.get("sslmode") == "disable" else HONOURED
    env = {
        name: value for name, value in environment.items() if not name.startswith("PG") or name in counting
    }
    env |= {"PGOPTIONS": options.strip(), "PGAPPNAME": "corral psql"}
    if password is not None:
        env["PGPASSWORD"] = str(password)
    return arguments, env
