"""The store: one object, one attribute per aggregate."""

from pathlib import Path
from typing import Literal

from corral.settings import Settings
from corral.settings.bucket import Bucket
from corral.store.access.api_keys import ApiKeys
from corral.store.access.audit import Audit
from corral.store.access.sign_in import SignInRows
from corral.store.artifacts.artifacts import StoredArtifacts
from corral.store.artifacts.storage import ArtifactStorage, FilesystemStorage, PostgresStorage
from corral.store.artifacts.uploads import Uploads
from corral.store.attempts.attempts import Attempts
from corral.store.attempts.claims import Claims
from corral.store.attempts.effects import Effects
from corral.store.attempts.follow_ups import FollowUps
from corral.store.attempts.keyed_follow_ups import KeyedFollowUps
from corral.store.attempts.limit_claims import LimitClaims
from corral.store.feeds.due import DueFeeds
from corral.store.feeds.feeds import Feeds
from corral.store.feeds.imports import Imports
from corral.store.feeds.items import FeedItems
from corral.store.feeds.retention import FeedRetention
from corral.store.jobs.idempotency import Idempotency
from corral.store.jobs.jobs import Jobs
from corral.store.jobs.transaction_jobs import TransactionJobs
from corral.store.leader.due_work import DueWork
from corral.store.leader.duties import Duties
from corral.store.leader.leases import Leases
from corral.store.limits.budget_notes import BudgetNotes
from corral.store.limits.duties import LimitDuties
from corral.store.limits.evaluations import LimitEvaluations
from corral.store.limits.leases import LimitLeases
from corral.store.limits.limits import LimitRows
from corral.store.mail.report_details import ReportDetails
from corral.store.mail.sink_mails import SinkMails
from corral.store.postgres.database import Database
from corral.store.postgres.schema import Schema
from corral.store.postgres.sql_params import DEFAULT_SCHEMA
from corral.store.registry.job_types import JobTypes
from corral.store.registry.providers import Providers
from corral.store.registry.queues import Queues
from corral.store.registry.registration import TypeRegistration
from corral.store.schedules.due import DueSchedules
from corral.store.schedules.schedules import Schedules
from corral.store.schedules.ticks import ScheduleTicks
from corral.store.statistics.backlog import Backlogs
from corral.store.statistics.scaling import Scaling
from corral.store.statistics.stats import Statistics
from corral.store.unique.holders import UniqueKeys
from corral.store.unique.unique_jobs import UniqueJobs
from corral.store.webhooks.deliveries import WebhookDeliveries
from corral.store.webhooks.history import WebhookHistory
from corral.store.webhooks.webhooks import Webhooks
from corral.store.workers.workers import Workers

ArtifactStore = Literal["postgres", "filesystem", "s3"]


class Store:
    """All of Corral's access to Postgres, one attribute for each subject: `store.jobs`, `store.queues` and so on."""

    def __init__(self, database: Database, artifacts: StoredArtifacts | None = None) -> None:
        self.database = database
        self.schema = Schema(database)
        self.jobs = Jobs(database)
        self.idempotency = Idempotency(database)
        self.unique_jobs = UniqueJobs(database)
        self.unique_keys = UniqueKeys(database)
        self.transaction_jobs = TransactionJobs(database)
        self.claims = Claims(database)
        self.limit_claims = LimitClaims(database)
        self.limit_duties = LimitDuties(database)
        self.limit_evaluations = LimitEvaluations(database)
        self.attempts = Attempts(database)
        self.effects = Effects(database)
        self.follow_ups = FollowUps(database)
        self.keyed_follow_ups = KeyedFollowUps(database)
        self.workers = Workers(database)
        self.leases = Leases(database)
        self.duties = Duties(database)
        self.queues = Queues(database)
        self.types = JobTypes(database)
        self.schedules = Schedules(database)
        self.due_schedules = DueSchedules(database)
        self.due_work = DueWork(database)
        self.ticks = ScheduleTicks(database)
        self.registration = TypeRegistration(database)
        self.limits = LimitRows(database)
        self.budget_notes = BudgetNotes(database)
        self.providers = Providers(database)
        self.limit_leases = LimitLeases(database)
        self.artifacts = artifacts or StoredArtifacts(database, PostgresStorage(database))
        self.uploads = Uploads(database, self.artifacts)
        self.stats = Statistics(database)
        self.scaling = Scaling(database)
        self.backlog = Backlogs(database)
        self.keys = ApiKeys(database)
        self.sign_in = SignInRows(database)
        self.audit = Audit(database)
        self.report_details = ReportDetails(database)
        self.sink_mails = SinkMails(database)
        self.feeds = Feeds(database)
        self.feed_items = FeedItems(database)
        self.feed_retention = FeedRetention(database)
        self.due_feeds = DueFeeds(database)
        self.imports = Imports(database, self.feeds)
        self.webhooks = Webhooks(database)
        self.webhook_deliveries = WebhookDeliveries(database)
        self.webhook_history = WebhookHistory(database)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        application_name: str,
        pool_size: int | None = None,
        direct: bool = False,
        url: str | None = None,
    ) -> "Store":
        """A store as an installation's settings say: how every program opens it, so that no setting gets lost.

        Args:
            settings: of the installation.
            application_name: what Postgres shows.
            pool_size: connections at most; None: as the settings say.
            direct: past a pooler of connections, where there is one.
            url: the database, where it is not the one of the settings: `corral up` starts its own.
        """
        return cls.open(
            url or (settings.direct_url if direct else settings.database_url),
            schema=settings.schema,
            pool_size=settings.pool_size if pool_size is None else pool_size,
            application_name=application_name,
            artifact_store=settings.artifact_store,
            artifact_dir=settings.artifact_dir,
            bucket=settings.bucket,
            pooled=settings.pooled and not direct and url is None,
        )

    @classmethod
    def open(
        cls,
        url: str,
        *,
        schema: str = DEFAULT_SCHEMA,
        pool_size: int = 5,
        application_name: str = "corral",
        artifact_store: ArtifactStore = "postgres",
        artifact_dir: Path | None = None,
        bucket: Bucket | None = None,
        pooled: bool = False,
    ) -> "Store":
        """A store; connects when first used, and again whenever Postgres comes back.

        New artifacts go to `artifact_store`; those in Postgres and, where they are given, under `artifact_dir` and in
        `bucket` are read and swept whichever that is. `pooled` says that `url` may lead through a pooler of
        connections in transaction mode.
        """
        database = Database(
            url, schema=schema, pool_size=pool_size, application_name=application_name, pooled=pooled
        )
        keepers: list[ArtifactStorage] = [PostgresStorage(database)]
        if artifact_dir is not None:
            keepers.append(FilesystemStorage(artifact_dir))
        if bucket is not None:
            from corral.store.artifacts.object_storage import ObjectStorage  # noqa: PLC0415  13 MB of code for those who use it

            keepers.append(ObjectStorage(bucket))
        into = next(keeper for keeper in keepers if keeper.name == artifact_store)
        return cls(database, StoredArtifacts(database, into, keepers))

    async def close(self) -> None:
        """Close every connection."""
        self.artifacts.close()
        await self.database.close()
