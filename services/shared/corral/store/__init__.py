"""Postgres, the truth: tables, migrations and statements. The only SQL of Corral."""

from corral.store.access.api_keys import ApiKey
from corral.store.access.audit import AuditEntry
from corral.store.access.sign_in import Session
from corral.store.artifacts.artifacts import Artifact
from corral.store.attempts.attempts import Progress
from corral.store.attempts.claims import BeyondSlots, ClaimAnswer, Refusal
from corral.store.attempts.follow_ups import StoredFollowUp
from corral.store.attempts.limit_claims import ClaimedGroups
from corral.store.attempts.logs import Appended, NewLogLine
from corral.store.attempts.recorded import Recorded, Verdict
from corral.store.jobs.commands import Commanded, CommandEffect
from corral.store.jobs.filter import JobFilter
from corral.store.jobs.idempotency import EarlierJob, EarlierRequest, KeyedRequest
from corral.store.jobs.list import Page
from corral.store.jobs.queries import AttemptRecord, StoredLogLine
from corral.store.leader.duties import Queued, QueuedCursor
from corral.store.leader.leases import LEADER, Term
from corral.store.limits.duties import GroupCursor, Miscount, WaitingGroup
from corral.store.limits.limits import KeyHolder, LimitKey, LimitUsage, StoredLimit
from corral.store.limits.settings import LimitChange
from corral.store.limits.waits import GroupState, LimitState, SlotHolder
from corral.store.postgres.pg_errors import Ambiguous
from corral.store.registry.queues import StoredQueue
from corral.store.registry.registration import Image, WrittenDeclarations
from corral.store.statistics.backlog import BacklogRows, QueueBacklog, ServiceTime
from corral.store.statistics.stats import TimePercentiles, WindowRow
from corral.store.store import Store
from corral.store.workers.drains import LiveWorker
from corral.store.workers.heartbeat import Beat, GivenBack, Heartbeat
from corral.store.workers.workers import Reclaimed, WorkerRecord, WorkerState

__all__ = [
    "LEADER",
    "Ambiguous",
    "ApiKey",
    "Appended",
    "Artifact",
    "AttemptRecord",
    "AuditEntry",
    "BacklogRows",
    "Beat",
    "BeyondSlots",
    "ClaimAnswer",
    "ClaimedGroups",
    "CommandEffect",
    "Commanded",
    "EarlierJob",
    "EarlierRequest",
    "GivenBack",
    "GroupCursor",
    "GroupState",
    "Heartbeat",
    "Image",
    "JobFilter",
    "KeyHolder",
    "KeyedRequest",
    "LimitChange",
    "LimitKey",
    "LimitState",
    "LimitUsage",
    "LiveWorker",
    "Miscount",
    "NewLogLine",
    "Page",
    "Progress",
    "QueueBacklog",
    "Queued",
    "QueuedCursor",
    "Reclaimed",
    "Recorded",
    "Refusal",
    "ServiceTime",
    "Session",
    "SlotHolder",
    "Store",
    "StoredFollowUp",
    "StoredLimit",
    "StoredLogLine",
    "StoredQueue",
    "Term",
    "TimePercentiles",
    "Verdict",
    "WaitingGroup",
    "WindowRow",
    "WorkerRecord",
    "WorkerState",
    "WrittenDeclarations",
]
