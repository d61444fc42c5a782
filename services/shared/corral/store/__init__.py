"""Postgres, the truth: tables, migrations and statements. The only SQL of Corral."""

from corral.store.api_keys import ApiKey
from corral.store.artifacts import Artifact
from corral.store.attempts import Progress
from corral.store.audit import AuditEntry
from corral.store.backlog import BacklogRows, QueueBacklog, ServiceTime
from corral.store.claims import ClaimAnswer, Refusal
from corral.store.drains import LiveWorker
from corral.store.duties import Queued, QueuedCursor
from corral.store.follow_ups import StoredFollowUp
from corral.store.heartbeat import Beat, GivenBack, Heartbeat
from corral.store.idempotency import EarlierJob, EarlierRequest, KeyedRequest
from corral.store.job_commands import Commanded, CommandEffect
from corral.store.job_filter import JobFilter
from corral.store.job_list import Page
from corral.store.job_queries import AttemptRecord, StoredLogLine
from corral.store.leases import LEADER, Term
from corral.store.limit_claims import ClaimedGroups
from corral.store.limit_duties import GroupCursor, Miscount, WaitingGroup
from corral.store.limit_waits import GroupState, LimitState, SlotHolder
from corral.store.limits import KeyHolder, LimitChange, LimitKey, LimitUsage, StoredLimit
from corral.store.logs import Appended, NewLogLine
from corral.store.pg_errors import Ambiguous
from corral.store.queues import StoredQueue
from corral.store.recorded import Recorded, Verdict
from corral.store.registration import Image, WrittenDeclarations
from corral.store.sign_in import Session
from corral.store.stats import TimePercentiles, WindowRow
from corral.store.store import Store
from corral.store.workers import Reclaimed, WorkerRecord, WorkerState

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
