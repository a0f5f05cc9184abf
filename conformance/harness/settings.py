"""The settings of a run: which server, whose key, how thoroughly."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from harness.client.exchange import KEY_VARIABLE

EMBEDDED_KEY = "al_live_" + "0" * 64
OTHER_EMBEDDED_KEY = "al_live_" + "1" * 64
DEFAULT_SEED = 20260515
USER_INFO = re.compile(r"(://)[^/\s@]+@")


class Profile(StrEnum):
    """How much to try. Every profile tries every rule; they differ in how many examples a property gets."""

    QUICK = "quick"
    DEFAULT = "default"
    THOROUGH = "thorough"


@dataclass
class Selection:
    """What tests are generated from, on import, before there is a server."""

    profile: Profile = Profile.DEFAULT
    seed: int = DEFAULT_SEED


SELECTED = Selection()


@dataclass(frozen=True)
class Settings:
    """One run's settings, the same in every process of it."""

    base_url: str
    api_key: str
    other_api_key: str | None
    api_version: str
    profile: Profile = Profile.DEFAULT
    seed: int = DEFAULT_SEED
    max_credits: float | None = None
    embedded: bool = False
    rehearsal: bool = False
    max_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """These settings as plain values, to be handed to another process."""
        return {**asdict(self), "profile": self.profile.value}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        return cls(**{**values, "profile": Profile(values["profile"])})

    def redact(self, text: str) -> str:
        """A text as it may be shown: without a key, and without the credentials of an address."""
        for key in filter(None, (self.api_key, self.other_api_key)):
            text = text.replace(key, KEY_VARIABLE)
        return without_user_info(text)

    @property
    def metered(self) -> bool:
        """Whether calls may cost somebody money: whatever is not on this machine does."""
        return not is_loopback(self.base_url)


def without_user_info(text: str) -> str:
    """A text whose addresses have no user name and password."""
    return USER_INFO.sub(r"\1", text)


def worker_key(number: int) -> str:
    """The key of one worker's own team on the embedded server."""
    return f"al_live_{number + 2:064x}"


def embedded_keys(workers: int) -> list[str]:
    """The arguments that give the embedded server a second team, and one for each worker."""
    teams = {"other": OTHER_EMBEDDED_KEY, **{f"worker{number}": worker_key(number) for number in range(workers)}}
    return [word for team, key in teams.items() for word in ("--team-key", f"{team}={key}")]


def needs_certificates(url: str) -> bool:
    """Whether a client of this address has to load certificates, which takes a while."""
    return urlsplit(url).scheme != "http"


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
