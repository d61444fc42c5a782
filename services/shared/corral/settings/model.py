"""Every setting of the services: name, type, range, default and meaning, in one flat class."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from corral.bounded import Bounded
from corral.job.bounds import Bounds
from corral.job.limits import KEPT_SECONDS, MAX_KEPT_DAYS, RETRIES, STALLS, TIMEOUT
from corral.process.env_file import is_file
from corral.settings.bucket import Bucket
from corral.settings.caller_rate import CallerRateText
from corral.settings.cpus import cpu_limit
from corral.settings.loadable import Loadable
from corral.settings.value_types import (
    BucketName,
    Contact,
    DatabaseUrl,
    Folder,
    Host,
    LogFormat,
    LogLevel,
    MailAddress,
    Names,
    Networks,
    ObjectPrefix,
    Password,
    PoolName,
    Port,
    RedisUrl,
    RegionName,
    SchemaName,
    WebUrl,
    WorkerName,
    within,
)

SECRETS_DIR = Path("/etc/corral/secrets")
"""Where files with secrets of providers are, unless a setting says otherwise."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(use_attribute_docstrings=True, extra="forbid"))
class Settings(Loadable):
    """Every setting of the services. `Settings.load()` in `main` is the only reader of the environment."""

    # Where things are
    database_url: DatabaseUrl = Field(repr=False)
    """The Postgres (15 to 18) that holds the jobs, as postgresql://user:password@host:5432/name. `corral up` starts its own where none is named."""
    redis_url: RedisUrl = Field(repr=False)
    """The Redis or Valkey that dispatches, as redis://:password@host:6379/0, or rediss:// for TLS. `corral up` starts its own where none is named."""
    database_password: Password | None = Field(default=None, repr=False)
    """The password of the database, where its address holds none; any characters, nothing is quoted by hand."""
    redis_password: Password | None = Field(default=None, repr=False)
    """The password of Redis, where its address holds none; any characters, nothing is quoted by hand."""
    database_direct_url: DatabaseUrl | None = Field(default=None, repr=False)
    """The same database without a pooler of connections between; none: CORRAL_DATABASE_URL leads there. Migrations, the leader's duties and heartbeats use it. Where it is set, nothing that lasts longer than a transaction is asked of CORRAL_DATABASE_URL, so that it may lead through a pooler in transaction mode."""
    schema: SchemaName = "corral"
    """The Postgres schema that Corral owns, its migrations included."""
    pool_size: Annotated[int, within(1, 100, "connections")] = 5
    """Connections to Postgres that each process keeps at most."""

    # Job types
    jobs: Names = ()
    """Modules that declare job types, separated by commas. Web applications and workers import them."""
    handlers: Names = ()
    """Modules that handle job types, separated by commas. Only workers import them."""
    demo_jobs: bool = True
    """Whether demo.echo, demo.sleep, demo.cpu and demo.fail exist. Switch them off in production."""
    default_retries: Annotated[int, Bounded(RETRIES)] | None = None
    """Tries after the first one, where neither job type nor queue says; none: 3."""
    default_timeout: Annotated[float, Bounded(TIMEOUT)] | None = None
    """Seconds one attempt may run, where neither job type nor queue says; none: 3,600."""
    default_max_stalls: Annotated[int, Bounded(STALLS)] | None = None
    """Lost workers that a job survives, where neither job type nor queue says; none: 2."""
    default_keep_finished: Annotated[float, Bounded(KEPT_SECONDS)] | None = None
    """Seconds that completed and cancelled jobs are kept, where neither job type nor queue says; none: 7 days."""
    default_keep_failed: Annotated[float, Bounded(KEPT_SECONDS)] | None = None
    """Seconds that failed jobs are kept, where neither job type nor queue says; none: 30 days."""

    # Publisher: API, pages, maintenance
    host: Host = "127.0.0.1"
    """The address on which the publisher listens; 0.0.0.0 or :: is every one."""
    port: Port = 8000
    """The port of API and pages."""
    web_workers: Annotated[int, within(1, 64, "processes")] = 2
    """Processes that answer HTTP."""
    public_url: WebUrl | None = None
    """The address that people reach, as it stands in links; none: made from host and port."""
    secure_cookies: bool = False
    """Whether cookies travel over HTTPS only. Switch it on behind TLS."""
    max_payload_bytes: Annotated[int, within(1_024, 16_777_216, "bytes")] = 1_048_576
    """The largest payload of one job, in bytes of JSON."""
    max_body_bytes: Annotated[int, within(1_024, 268_435_456, "bytes")] = 33_554_432
    """The largest body of one request, in bytes; a bulk holds many payloads."""
    body_timeout: Annotated[float, within(0, 300, "seconds", above=True)] = 10.0
    """Seconds a client has to send its body."""
    max_waiters: Annotated[int, within(0, 100_000, "requests")] = 1_000
    """Requests with ?wait that one process holds at once; more are answered without waiting."""
    api_rate: CallerRateText | None = None
    """Requests that each caller may send in a time, as 100/s, 600/min or 5000/h; more are answered with 429. A caller is the name of a key or of a person who is signed in, and else an address. None: as many as come."""
    api_job_rate: CallerRateText | None = None
    """Jobs that each caller may submit over the API in a time, likewise; a bulk counts as many as it has. None: as many as come."""
    metrics_host: Host = "127.0.0.1"
    """The address of the metrics, apart from the API so that no ingress shows them."""
    metrics_port: Port = 9100
    """The port of the metrics; 0: none."""
    maintenance_enabled: bool = True
    """Whether publishers stand for leadership and do the duties; off where `corral maintenance` runs apart."""

    # Worker
    worker_enabled: bool = True
    """Whether workers run at all; a switched-off one says so and ends."""
    worker_name: WorkerName | None = None
    """The worker's name; none: host name, process id and a random part."""
    pool: PoolName | None = None
    """The name of the pool that the worker belongs to, as it is shown; none: it belongs to none."""
    queues: Annotated[Names, Field(min_length=1)] = ("*",)
    """Queues to serve, separated by commas; * is every queue that its types declare. A queue that an operator set must be named."""
    slots_async: Annotated[int, within(0, 10_000, "jobs")] = 50
    """Jobs that run at once on the event loop."""
    slots_thread: Annotated[int, within(0, 1_000, "jobs")] = 8
    """Jobs that run at once in threads."""
    slots_process: Annotated[int, within(0, 1_000, "jobs")] = field(default_factory=cpu_limit)
    """Jobs that run at once in processes of their own; unset: the CPUs that the worker may use."""
    grace: Annotated[float, within(0, 86_400, "seconds")] = 30.0
    """Seconds a stopping worker lets jobs finish before it gives them back."""
    worker_host: Host = "127.0.0.1"
    """The address of the worker's health."""
    worker_port: Port = 0
    """The port of the worker's health; 0: none."""
    heartbeat: Annotated[float, within(0.1, 60, "seconds")] = 5.0
    """Seconds between two heartbeats of a worker."""
    lease: Annotated[float, within(0.5, 3_600, "seconds")] = 20.0
    """Seconds of observed silence after which a worker counts as lost; at least twice the heartbeat."""
    rq_compat: Literal["readers", "full"] = "readers"
    """What of RQ's contract is kept in Redis: readers (`rq info`, dashboards) or full (stock RQ workers too)."""

    # Artifacts
    artifact_store: Literal["postgres", "filesystem", "s3"] = "postgres"
    """Where files made by jobs are kept: postgres, filesystem (a folder that every service sees) or s3 (a bucket of object storage: AWS S3, Google Cloud Storage, R2, MinIO and others)."""
    artifact_dir: Folder | None = None
    """The folder of the filesystem store; every service must see it. Leave it set after a change to postgres: the files there are still served, and removed with their jobs."""
    artifact_bucket: BucketName | None = None
    """The bucket of the s3 store, which must exist. Leave it set after a change to another store: the files there are still served, and removed with their jobs."""
    artifact_prefix: ObjectPrefix = "corral"
    """What the key of every object begins with. No two installations may share a bucket and a prefix: each removes what it does not know there."""
    artifact_endpoint: WebUrl | None = None
    """The address of the object storage, as https://storage.googleapis.com or http://minio:9000; none: AWS, by the region."""
    artifact_region: RegionName = "us-east-1"
    """The region of the bucket; auto for R2."""
    artifact_access_key: Password | None = Field(default=None, repr=False)
    """The id of the access key; none: credentials are found as AWS's own tools find them (AWS_ variables, the role of a pod or a machine)."""
    artifact_secret_key: Password | None = Field(default=None, repr=False)
    """The secret of the access key."""
    artifact_addressing: Literal["path", "virtual"] = "path"
    """Where requests name the bucket: in their path, or before the host (virtual)."""
    artifact_ca: Path | None = None
    """A file with the authorities, in PEM, that the object storage's certificate may come from, beside those of the system."""

    # Uploads
    max_upload_bytes: Annotated[int, within(1_024, 1_073_741_824, "bytes")] = 33_554_432
    """The largest file that POST /api/v1/uploads takes, in bytes."""
    upload_timeout: Annotated[float, within(0, 3_000, "seconds", above=True)] = 300.0
    """Seconds a client has to send a file."""
    upload_hours: Annotated[float, within(0, 8_760, "hours", above=True)] = 24.0
    """Hours for which an upload is kept that no job names; one that a job names in its searchable field `upload` stays as long as that job."""

    # Requests to addresses that users give
    outgoing_allow: Networks = ()
    """Networks in CIDR form that may be reached although they are not of the public internet, separated by commas. A cloud's metadata service is reached only if its single address is named, as 169.254.169.254/32."""
    outgoing_proxy: WebUrl | None = None
    """The HTTP proxy through which such requests go, as http://proxy.example.com:3128; none: they go straight out, whatever HTTP_PROXY says. Names are looked up here; the proxy is asked for the address."""

    outgoing_contact: Contact | None = None
    """An e-mail address or a page where the owners of other servers reach you; it is part of the User-Agent of such requests. Feeds' servers expect one."""

    secrets_dir: Folder = SECRETS_DIR
    """The folder of files that hold secrets of providers: `corral providers set NAME headers.X-Api-Key=file:NAME` names one of them."""

    # Mail and reports
    smtp_host: Host | None = None
    """The SMTP server that mails go through; none: mails wait, held, until there is one. `corral up` runs a mail sink of its own where none is named."""
    smtp_port: Annotated[int, Bounded(Bounds(1, 65535))] = 587
    """The port of the SMTP server: 587 for STARTTLS, 465 for TLS, usually 25 for none."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to the SMTP server is encrypted: starttls (first plain, then encrypted), tls (from the first byte) or none."""
    smtp_user: str | None = None
    """The name to sign in with at the SMTP server; none: no sign-in."""
    smtp_password: Password | None = Field(default=None, repr=False)
    """The password to sign in with at the SMTP server. For Gmail it is an app password."""
    smtp_from: MailAddress | None = None
    """The sender of mails; none: CORRAL_SMTP_USER, where that is an address."""
    mail_sink: bool = False
    """Whether mails go to Corral's own mail sink, whose page shows them. They reach nobody."""
    mail_sink_host: Host = "127.0.0.1"
    """The address on which the mail sink listens."""
    mail_sink_port: Port = 1025
    """The port of the mail sink."""
    report_email: MailAddress | None = None
    """Who gets a mail when a report is ready that names nobody; none: nobody."""
    link_hours: Annotated[float, within(0, 8_760, "hours", above=True)] = 72.0
    """Hours for which the link in the mail of a report downloads it without signing in."""

    # Webhooks
    webhook_days: Annotated[int, within(0, MAX_KEPT_DAYS, "days")] = 30
    """Days for which deliveries to webhooks are kept, to be looked at and sent again; 0: for ever."""

    # Feeds
    feed_import_days: Annotated[int, within(0, MAX_KEPT_DAYS, "days")] = 30
    """Days for which imports of feeds are kept, with what became of each source; 0: for ever."""
    feed_item_days: Annotated[int, within(0, MAX_KEPT_DAYS, "days")] = 365
    """Days for which items of feeds are kept after their feed lists them no more; 0: for ever."""

    # Audit
    audit_days: Annotated[int, within(0, MAX_KEPT_DAYS, "days")] = 365
    """Days for which the audit of what people did is kept; 0: for ever."""

    # Logs
    log_level: LogLevel = "info"
    """The least severity that is logged."""
    log_jobs: Literal["all", "failed", "none"] = "all"
    """Of which jobs workers and publishers write log lines: all (accepted, started, ended), failed (each attempt that failed), or none. A job that failed for good always has a line."""
    log_format: LogFormat = "console"
    """One line per event: for people, or for collectors."""

    def __post_init__(self) -> None:
        if self.lease < 2 * self.heartbeat:
            raise ValueError(
                f"CORRAL_LEASE: {self.lease:g} is not at least twice CORRAL_HEARTBEAT ({self.heartbeat:g})"
            )
        if not self.slots_async + self.slots_thread + self.slots_process:
            raise ValueError(
                "CORRAL_SLOTS_ASYNC, CORRAL_SLOTS_THREAD, CORRAL_SLOTS_PROCESS: all are 0, and a worker needs a slot; "
                "to run no workers set CORRAL_WORKER_ENABLED=false"
            )
        if self.artifact_store == "filesystem" and self.artifact_dir is None:
            raise ValueError("CORRAL_ARTIFACT_DIR: not set, and CORRAL_ARTIFACT_STORE=filesystem needs it")
        if self.artifact_store == "s3" and self.artifact_bucket is None:
            raise ValueError("CORRAL_ARTIFACT_BUCKET: not set, and CORRAL_ARTIFACT_STORE=s3 needs it")
        if self.artifact_access_key is not None and self.artifact_secret_key is None:
            raise ValueError("CORRAL_ARTIFACT_SECRET_KEY: not set, and CORRAL_ARTIFACT_ACCESS_KEY needs it")
        if self.artifact_secret_key is not None and self.artifact_access_key is None:
            raise ValueError("CORRAL_ARTIFACT_ACCESS_KEY: not set, and CORRAL_ARTIFACT_SECRET_KEY needs it")
        if self.artifact_ca is not None and not is_file(self.artifact_ca):
            raise ValueError(f"CORRAL_ARTIFACT_CA: there is no file {str(self.artifact_ca)!r}")
        if self.smtp_host is not None and not self.mail_sender:
            raise ValueError(f"CORRAL_SMTP_FROM: not set, and CORRAL_SMTP_HOST={self.smtp_host} needs it")
        if self.smtp_user is not None and self.smtp_password is None:
            raise ValueError("CORRAL_SMTP_PASSWORD: not set, and CORRAL_SMTP_USER needs it")
        self._complete("database_url", self.database_password)
        self._complete("database_direct_url", self.database_password)
        self._complete_redis(self.redis_url, self.redis_password)

    @property
    def mail_sender(self) -> str:
        """The sender of mails; empty where none is known."""
        return self.smtp_from or (self.smtp_user if self.smtp_user and "@" in self.smtp_user else "")

    @property
    def bucket(self) -> Bucket | None:
        """The bucket that artifacts are kept in, or were."""
        if self.artifact_bucket is None:
            return None
        return Bucket(
            name=self.artifact_bucket,
            prefix=self.artifact_prefix,
            endpoint=self.artifact_endpoint,
            region=self.artifact_region,
            access_key=self.artifact_access_key,
            secret_key=self.artifact_secret_key,
            addressing=self.artifact_addressing,
            ca_file=self.artifact_ca,
        )

    @property
    def direct_url(self) -> str:
        """The address of Postgres itself, for connections that may not go through a pooler."""
        return self.database_direct_url or self.database_url

    @property
    def pooled(self) -> bool:
        """Whether `database_url` may lead through a pooler in transaction mode."""
        return self.database_direct_url is not None

    @property
    def installation_options(self) -> dict[str, object]:
        """The options that the installation sets, as JSON by option (`corral.catalog.precedence`)."""
        plain = {name: getattr(self, f"default_{name}") for name in ("retries", "timeout", "max_stalls")}
        kept = {name: getattr(self, f"default_{name}") for name in ("keep_finished", "keep_failed")}
        return {name: value for name, value in plain.items() if value is not None} | {
            name: {"seconds": seconds} for name, seconds in kept.items() if seconds is not None
        }
