"""The settings of a server."""

from dataclasses import dataclass, field
from pathlib import Path

from aurous_mock.billing.pricing import MICRO
from aurous_mock.contract.model_catalogue import Model, ModelMapping
from aurous_mock.generation.engine import Pace
from aurous_mock.storage.retention import Retention

DEFAULT_KEY = "al_live_" + "0" * 64
DEFAULT_TEAM = "team_default"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one server. Can be pickled, for workers."""

    host: str = "127.0.0.1"
    port: int = 8080
    # API key -> the team it belongs to.
    keys: dict[str, str] = field(default_factory=lambda: {DEFAULT_KEY: DEFAULT_TEAM}, repr=False)
    seed: int = 0
    credits: int = 1_000_000 * MICRO
    pace: Pace = field(default_factory=Pace)
    keep_alive: float = 15.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    # Completions of one team at a time; None: its share of the upstream connections, or no limit without an upstream.
    max_concurrent: int | None = None
    # May have a password in it.
    state: str | None = field(default=None, repr=False)
    # `full`: a commit survives a power loss; `fast`: the death of the process.
    durability: str = "full"
    # None: the default of the store.
    retention: Retention | None = None
    workers: int = 1
    # Whether a server of its own process ends with its standard input.
    exit_on_eof: bool = False
    upstream: str | None = None
    upstream_key: str | None = field(default=None, repr=False)
    upstream_model: str | None = None
    # The models to offer of it; none: all that it lists.
    model_mappings: tuple[ModelMapping, ...] = ()
    # Seconds for a whole answer of it, for the head of a stream, and between two events.
    upstream_timeout: float = 600.0
    upstream_dialect: str = "auto"
    # What is offered; none: the models of the mock. With an upstream server, `upstream.models` fills it at the start.
    models: tuple[Model, ...] = ()
    # Where to record what the upstream answers; cassettes to answer from, without an upstream.
    record: Path | None = None
    replay: tuple[Path, ...] = ()
    specs: tuple[Path, ...] = ()
    # Needed for /_mock/ and faults from other machines, and with an upstream server.
    admin_key: str | None = None
    # Origins whose pages may send requests; `*` stands for all.
    cors: tuple[str, ...] = ()
    access_log: bool = True
