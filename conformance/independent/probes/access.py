"""Probes of credentials and versions."""

from __future__ import annotations

from typing import Any

from ..server import DEFAULT_KEY
from .prober import PATH, Prober, body, probe

_ROUTES = (
    ("POST", PATH),
    ("GET", f"{PATH}/cmp_unknown"),
    ("POST", f"{PATH}/cmp_unknown/cancel"),
    ("GET", "/v1/models"),
    ("GET", "/v1/balance"),
)


def _ask(prober: Prober, headers: dict[str, str]) -> Any:
    del prober.client.headers["X-Api-Key"]
    return [
        prober.tell(prober.send(method, path, json=body() if path == PATH else None, headers=headers))
        for method, path in _ROUTES
    ]


@probe
def no_key(prober: Prober) -> Any:
    return _ask(prober, {})


@probe
def wrong_key(prober: Prober) -> Any:
    return _ask(prober, {"X-Api-Key": "al_live_" + "f" * 64})


@probe
def wrong_bearer(prober: Prober) -> Any:
    return _ask(prober, {"Authorization": "Bearer al_live_" + "f" * 64})


@probe
def cut_key(prober: Prober) -> Any:
    return _ask(prober, {"X-Api-Key": DEFAULT_KEY[:-1]})


@probe
def upper_case_key(prober: Prober) -> Any:
    return _ask(prober, {"X-Api-Key": DEFAULT_KEY.upper()})


@probe
def bearer(prober: Prober) -> Any:
    return _ask(prober, {"Authorization": f"Bearer {DEFAULT_KEY}"})


@probe
def lower_case_bearer(prober: Prober) -> Any:
    return _ask(prober, {"Authorization": f"bearer {DEFAULT_KEY}"})


@probe
def empty_bearer(prober: Prober) -> Any:
    return _ask(prober, {"Authorization": "Bearer"})


@probe
def no_key_streaming(prober: Prober) -> Any:
    del prober.client.headers["X-Api-Key"]
    return prober.tell(prober.create(body(stream=True)))


def _versions(prober: Prober, version: str) -> Any:
    headers = {"X-Api-Key": DEFAULT_KEY, "Aurous-Version": version}
    return _ask(prober, headers)


@probe
def known_version(prober: Prober) -> Any:
    return _versions(prober, "2026-05-15")


@probe
def malformed_version(prober: Prober) -> Any:
    return _versions(prober, "15.05.2026")


@probe
def impossible_version(prober: Prober) -> Any:
    return _versions(prober, "2026-13-45")


@probe
def malformed_version_streaming(prober: Prober) -> Any:
    return prober.tell(prober.create(body(stream=True), headers={"Aurous-Version": "v1"}))


@probe
def prior_version(prober: Prober) -> Any:
    return _versions(prober, "2026-01-01")
