"""Prometheus metrics of one server; with several workers, of all of them.

The values of labels are from the spec, the catalogue and lists in this server, so that no client can make more of them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from aurous_mock.billing import pricing
from aurous_mock.billing.pricing import Usage
from aurous_mock.contract.model_catalogue import Model
from aurous_mock.errors import PROVIDER_FAILURES

PATH = "/metrics"
CONTENT_TYPE = CONTENT_TYPE_LATEST
# Where the workers of one server write their metrics.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """The metrics, each named after what it counts."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "aurous_mock_requests", "Requests, by operation and status.", ["operation", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "aurous_mock_request_seconds",
            "Seconds from a request to the end of its response.",
            ["operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._completions = Counter(
            "aurous_mock_completions", "Completions that ended.", ["model", "streamed", "status"], registry=registry
        )
        self._running = Gauge(
            "aurous_mock_completions_in_progress",
            "Completions that are running.",
            ["streamed"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._first_delta_seconds = Histogram(
            "aurous_mock_first_delta_seconds",
            "Seconds from the beginning of a stream to its first delta.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter("aurous_mock_tokens", "Tokens that are charged.", ["model", "kind"], registry=registry)
        self._credits = Counter("aurous_mock_credits", "Credits that are charged.", ["model"], registry=registry)
        self._upstream_errors = Counter(
            "aurous_mock_upstream_errors", "Failures of the provider.", ["code"], registry=registry
        )

    def count_request(self, operation: str, status: int, seconds: float) -> None:
        """One request that was answered. operation: its method and path, without the values of parameters"""
        self._requests.labels(operation, str(status)).inc()
        self._request_seconds.labels(operation).observe(seconds)

    @contextmanager
    def running(self, *, streamed: bool) -> Iterator[None]:
        """A completion that runs for the length of a block."""
        with self._running.labels(_flag(streamed)).track_inprogress():
            yield

    def count_completion(self, model: Model, status: str, usage: Usage, micro: int, *, streamed: bool) -> None:
        """One completion that ended. micro: its charge in micro-credits"""
        self._completions.labels(model.id, _flag(streamed), status).inc()
        if micro:
            for kind, count in (
                ("prompt", usage.prompt),
                ("completion", usage.completion),
                ("reasoning", usage.reasoning),
            ):
                self._tokens.labels(model.id, kind).inc(count)
            self._credits.labels(model.id).inc(pricing.in_credits(micro))

    def observe_first_delta(self, model: Model, seconds: float) -> None:
        """The first delta of a stream."""
        self._first_delta_seconds.labels(model.id).observe(seconds)

    def count_failure(self, code: str) -> None:
        """A completion that failed; only those of the provider are counted."""
        if code in PROVIDER_FAILURES:
            self._upstream_errors.labels(code).inc()

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _flag(value: bool) -> str:
    return "true" if value else "false"
