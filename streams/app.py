"""Builds the Faust application of a worker: the only place where its parts are put together."""

import logging
from dataclasses import dataclass
from typing import Any

import faust

from scorer.blocks import BlocksError
from scorer.brokers import access_to
from scorer.lead import LaterStateError
from scorer.plan import Plan
from scorer.topics import HANDOVER, IN_TOPICS, full_name
from streams import safe_faust
from streams.batching import store as memory_store
from streams.batching.assignor import WholeAssignor
from streams.batching.lease import Lease
from streams.batching.producer import BatchTransport
from streams.batching.scheduler import BatchScheduler, RawSchema
from streams.batching.sole_writer import SoleWriter
from streams.config import WorkerConfig
from streams.ending import die
from streams.errors import StartError, StreamError, trace_of
from streams.inbox import Inbox
from streams.recovering import Recovering
from streams.scoring import Scoring
from streams.shards import MakeShard
from streams.watch import Progress
from streams.writing import Writer

_FETCH_BYTES = 1 << 20  # of one partition at once: some 2,700 events
_BATCH_BYTES = 1 << 19
_HEARTBEAT = 0.05
"""Of a session: often, since by its answer a worker hears that another joined or left, and that one waits."""
_LEAST_HEARTBEAT_S = 0.3
_REQUEST_BYTES = 8 << 20


@dataclass(frozen=True)
class Worker:
    """The parts of a worker that must be run."""

    app: Any
    scoring: Scoring
    progress: Progress
    recovering: Recovering


logging.getLogger("streams.batching").setLevel(
    logging.WARNING
)  # Faust's services tell of each start and stop


def create(config: WorkerConfig, plan: Plan, make_shard: MakeShard) -> Worker:
    """A fresh worker, not started; call it inside the running event loop."""
    app = _faust_app(config)
    schema = RawSchema(key_serializer="raw", value_serializer="raw")
    topics = {full_name(config.topic_prefix, short): short for short in (*IN_TOPICS, HANDOVER)}
    table = app.Table(
        "leads",
        schema=schema,
        key_type=bytes,
        value_type=bytes,
        partitions=config.partitions,
        **_kept(config),
        recovery_buffer_size=8,  # fetches, not records; 1 would make Faust read its own changelog for ever
        standby_buffer_size=1,
    )
    store = table.data
    app.transport.sole_writer = SoleWriter(config.changelog, store.ends)
    inbox = Inbox(app.consumer, topics)
    writer = Writer(lambda: app.producer, config)
    scoring = Scoring(
        config,
        plan,
        make_shard,
        store.partitions,
        inbox,
        writer,
        lambda event: event.message.generation_id == app.consumer_generation_id,
        app.consumer.done,
        app.consumer.committed,
        store.persist,
        store.discard,
    )
    # One agent on all topics is one actor; isolated partitions would make one for each topic of a partition.
    app.agent(app.topic(*topics, schema=schema, partitions=config.partitions), name="scoring")(scoring.intake)
    app.transport.release = scoring.release
    app.transport.enough = inbox.enough

    @table.on_recover  # type: ignore[untyped-decorator]
    async def recovered() -> None:
        try:
            # the generation that was recovered, not one that may have begun by now: its states are others'
            generation = max(app.tables.recovery._generation_id, 0)
            scoring.assign(store.active, store.take_overtaken(), generation)
        except LaterStateError as error:
            await app.crash(StartError(f"the states can't be taken up: {error}; start that program here"))
        except BlocksError as error:  # a setting is wrong, and the text says which
            await app.crash(StreamError(str(error)))
        except Exception as error:  # Faust would pass over it in silence
            logging.getLogger(__name__).critical("the states can't be taken up: %s", trace_of(error))
            await app.crash(error)

    progress = Progress(app, topics, app.transport.lease.holds, lambda: store.recovered)
    return Worker(app, scoring, progress, Recovering(app.tables.recovery))


def _kept(config: WorkerConfig) -> dict[str, Any]:
    """Where the table keeps its states."""
    if config.store is None:
        return {"store": memory_store.URL}
    try:
        from streams.batching import rocks_store
    except ImportError as error:
        raise StartError(
            f"LEADHEAT_STORE names RocksDB, which can't be loaded ({error}): "
            "pip install 'leadheat[rocksdb]', or set it to memory"
        ) from error
    rocks_store.claim(config.store)
    return {"store": rocks_store.URL, "options": {"folder": str(config.store)}}


def _credentials(config: WorkerConfig) -> dict[str, Any]:
    """How Faust is let in by the brokers."""
    access = access_to(config.kafka)
    if access.mechanism is not None:
        return {
            "broker_credentials": faust.SASLCredentials(
                username=access.username,
                password=access.password,
                mechanism=access.mechanism,
                ssl_context=access.tls,
            )
        }
    return {} if access.tls is None else {"broker_credentials": faust.SSLCredentials(access.tls)}


def _faust_app(config: WorkerConfig) -> Any:
    app = faust.App(
        config.group,
        broker=";".join(f"kafka://{address}" for address in config.servers),
        **_credentials(config),
        version=1,
        autodiscover=False,
        store=memory_store.URL,
        web_enabled=False,
        topic_partitions=config.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=config.standbys,
        consumer_group_instance_id=config.instance,
        recovery_consistency_check=False,
        key_serializer="raw",
        value_serializer="raw",
        ConsumerScheduler=BatchScheduler,
        PartitionAssignor=WholeAssignor,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES,
        broker_session_timeout=config.session_timeout_s,
        broker_heartbeat_interval=max(config.session_timeout_s * _HEARTBEAT, _LEAST_HEARTBEAT_S),
        broker_request_timeout=max(30.0, config.session_timeout_s + 1),
        # One without partitions never polls; one whose loop stands still is the watchdog's matter.
        broker_max_poll_interval=86_400.0,
        broker_commit_interval=1.0,
        producer_acks=-1,
        producer_linger=0.0,
        producer_max_batch_size=_BATCH_BYTES,
        producer_max_request_size=_REQUEST_BYTES,
        producer_request_timeout=config.write_within_s,
        stream_wait_empty=False,  # the consumer ends the agent's work itself, and within a deadline
        stream_recovery_delay=0.0,
        processing_guarantee="at_least_once",
    )
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    app.transport.fetch_wait_ms = config.fetch_wait_ms
    app.transport.lease = Lease(config.session_timeout_s, die)
    app.producer_transport = app.transport
    app._create_directories = lambda: None  # for files that it would never write
    safe_faust.require(app)
    return app
