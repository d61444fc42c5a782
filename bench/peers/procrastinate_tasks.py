"""Procrastinate's side: its own tables record both transitions, so the task only echoes."""

import os
from typing import Any

from procrastinate import App, PsycopgConnector

app = App(
    connector=PsycopgConnector(
        conninfo=os.environ["DSN"], min_size=4, max_size=int(os.environ["CONNECTIONS"])
    )
)


@app.task(name="echo", queue="bench")
async def echo(**payload: Any) -> dict[str, Any]:
    return payload
