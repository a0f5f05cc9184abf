"""The settings of a server."""

from dataclasses import dataclass, field
from pathlib import Path

from aurous_mock.billing.pricing import MICRO
from aurous_mock.generation.fake_model import Pace

DEFAULT_KEY = "al_live_" + "0" * 64
DEFAULT_TEAM = "team_default"


class SettingsError(Exception):
    """The settings cannot be used. The message is one line that says why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one server. Can be pickled, for workers."""

    host: str = "127.0.0.1"
    port: int = 8080
    # API key -> the team it belongs to.
    keys: dict[str, str] = field(default_factory=lambda: {DEFAULT_KEY: DEFAULT_TEAM})
    seed: int = 0
    credits: int = 1_000_000 * MICRO
    pace: Pace = field(default_factory=Pace)
    keep_alive: float = 15.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    state: str | None = None
    workers: int = 1
    upstream: str | None = None
    upstream_key: str | None = None
    upstream_model: str | None = None
    specs: tuple[Path, ...] = ()
    expose_admin: bool = False
    access_log: bool = True
