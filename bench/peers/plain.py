"""What a team writes today: FastAPI takes the job, SQLAlchemy commits its row, RQ dispatches it.

`POST /jobs` runs in FastAPI's thread pool, as RQ's client is synchronous; `POST /async/jobs` commits through
an asynchronous session and only hands the enqueueing to a thread. The faster of the two is the peer.
"""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import redis
from anyio import to_thread
from fastapi import FastAPI
from pydantic import BaseModel
from rq import Queue
from sqlalchemy import JSON, create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

URL = os.environ["DSN"].replace("postgresql://", "postgresql+psycopg://")
POOL = {"pool_size": 20, "max_overflow": 0}
"""Connections that stay open: an overflow would be opened and closed under load."""


class Base(DeclarativeBase):
    pass


class JobRow(Base):
    __tablename__ = "plain_jobs"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    state: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]


class NewJob(BaseModel):
    type: str
    payload: dict[str, Any]


class JobView(BaseModel):
    id: uuid.UUID
    type: str
    state: str
    payload: dict[str, Any]
    created_at: datetime


engine = create_engine(URL, **POOL)
sessions = sessionmaker(engine, expire_on_commit=False)
async_engine = create_async_engine(URL, **POOL)
async_sessions = async_sessionmaker(async_engine, expire_on_commit=False)
queue = Queue("plain", connection=redis.Redis.from_url(os.environ["REDIS_URL"]))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    engine.dispose()
    await async_engine.dispose()


app = FastAPI(lifespan=lifespan)


def row(job: NewJob) -> JobRow:
    return JobRow(
        id=uuid.uuid4(),
        type=job.type,
        state="queued",
        payload=job.payload,
        created_at=datetime.now(UTC).replace(tzinfo=None),
    )


def view(made: JobRow) -> JobView:
    return JobView(
        id=made.id, type=made.type, state=made.state, payload=made.payload, created_at=made.created_at
    )


def enqueue(made: JobRow) -> None:
    queue.enqueue("bench.peers.echo.echo", made.payload, job_id=str(made.id))


@app.post("/jobs", status_code=201)
def submit(job: NewJob) -> JobView:
    made = row(job)
    with sessions() as session:
        session.add(made)
        session.commit()
    enqueue(made)
    return view(made)


@app.post("/async/jobs", status_code=201)
async def submit_async(job: NewJob) -> JobView:
    made = row(job)
    async with async_sessions() as session:
        session.add(made)
        await session.commit()
    await to_thread.run_sync(enqueue, made)
    return view(made)
