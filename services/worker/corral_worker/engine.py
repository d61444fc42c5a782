"""What a job passes through in a worker: it is claimed, its attempt runs, its outcome is written and announced."""

from functools import partial

from corral.catalog import Catalog
from corral.dispatch import Dispatch
from corral.job_log import JobLog
from corral.settings import Settings
from corral.store import Store
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.completer import Completer, FinishedAttempts
from corral_worker.attempts.keyed_announcements import KeyedAnnouncements
from corral_worker.attempts.timeouts import Timeouts
from corral_worker.attempts.updates import Updates, write_updates
from corral_worker.batches.options import BatchOptions
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.claiming.slot_queue import SlotQueue
from corral_worker.claiming.slots import Slots
from corral_worker.context.services import WorkerServices
from corral_worker.engine_classes import EngineClasses
from corral_worker.lifecycle.seal import Seal
from corral_worker.lifecycle.this_worker import ThisWorker
from corral_worker.lifecycle.types_in_force import TypesInForce


class Engine:
    """The parts of one worker that jobs pass through. Made on the event loop; it runs nothing by itself."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: Store,
        dispatch: Dispatch,
        *,
        worker: ThisWorker,
        slots: Slots,
        abandon_seconds: float,
        poll_seconds: float,
    ) -> None:
        classes = EngineClasses.chosen()
        job_log = JobLog(settings.log_jobs, settings.log_level, settings.log_format)
        self.types = sorted(one.name for one in catalog if one.executor in slots.sizes)
        self.seal = Seal()
        self.announcements = Announcements(dispatch)
        self.types_in_force = TypesInForce(store, settings.installation_options)
        self.services = WorkerServices(
            store,
            dispatch,
            job_log=job_log,
            max_payload=settings.max_payload_bytes,
            types=self.types_in_force.known,
            settings=settings,
        )
        batches = BatchOptions(catalog, self.types_in_force.of_type)
        updates = Updates(partial(write_updates, store, dispatch))
        self.attempts = HeldAttempts(slots)
        self.finished = FinishedAttempts(slots, batches=bool(batches.types))
        self.executor = classes.executor(
            catalog,
            self.attempts,
            worker=worker,
            slots=slots,
            updates=updates,
            services=self.services,
            timeouts=Timeouts(store.attempts, worker),
            finished=self.finished,
            job_log=job_log,
            settled=self.types_in_force.options,
            batches=batches,
            abandon_seconds=abandon_seconds,
        )
        self.keyed = KeyedAnnouncements(store.keyed_follow_ups, self.announcements.new)
        self.completer = Completer(
            store.attempts,
            self.finished,
            self.attempts,
            worker=worker,
            updates=updates,
            announcements=self.announcements,
            job_log=job_log,
            keyed_follow_ups=self.keyed,
        )
        claiming = classes.claimer(store.claims, self.types, self.types_in_force.limited)
        self.claim_loop = ClaimLoop(
            worker,
            dispatch,
            claiming=claiming,
            group_claiming=classes.group_claimer(store.limit_claims, claiming, self.types, batches.all),
            attempts=self.attempts,
            executor=self.executor,
            finished=self.finished,
            announcements=self.announcements,
            slots=slots,
            slot_queue=SlotQueue(store.claims, self.executor, self.attempts, self.announcements, slots=slots),
            seal=self.seal,
            poll_seconds=poll_seconds,
        )
