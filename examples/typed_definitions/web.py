"""A web application that submits: `gunicorn --worker-class asgi web:app`, with CORRAL_URL and CORRAL_KEY in the environment."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse
from typed_client import AsyncClient, CorralError, InvalidPayload
from typed_client.models import EmailWelcomePayload


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for the life of the application."""
    async with AsyncClient(os.environ["CORRAL_URL"], os.environ.get("CORRAL_KEY")) as app.state.corral:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/sign-up", status_code=202)
async def sign_up(
    request: Request, to: Annotated[str, Body()], name: Annotated[str, Body()]
) -> dict[str, Any]:
    """Take somebody in, and greet them by e-mail."""
    corral: AsyncClient = request.app.state.corral
    welcome: EmailWelcomePayload = {"to": to, "name": name}
    job = await corral.email_welcome.submit(welcome, priority="high", tags=["sign-up"])
    return {"job": job.id, "state": job.state}


@app.exception_handler(InvalidPayload)
async def wrong(_: Request, error: InvalidPayload) -> JSONResponse:
    """The field and the reason, before anything was sent."""
    return JSONResponse(
        {"errors": [{"pointer": one.pointer, "detail": one.message} for one in error.errors]}, 422
    )


@app.exception_handler(CorralError)
async def not_submitted(_: Request, error: CorralError) -> JSONResponse:
    """The publisher refused, or could not be asked."""
    return JSONResponse({"errors": [{"detail": str(error)}]}, 503)


@app.post("/clean", status_code=202)
async def clean(request: Request) -> dict[str, Any]:
    """Clean the database in the background; the type says that it starts five seconds later."""
    corral: AsyncClient = request.app.state.corral
    job = await corral.database_clean.submit()
    return {"job": job.id, "state": job.state}
