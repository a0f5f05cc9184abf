"""Batches of both clients as one, and what their output files hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aurous
from aurous.batch import BatchResult, Summary, arun, run
from aurous.testing import AurousMock
from testkit.responses import KEY, MODEL

from clientkit.callers import KINDS
from clientkit.request_members import named


@dataclass
class BatchRun:
    """A batch that has ended."""

    results: list[BatchResult] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    error: BaseException | None = None
    """What the iteration raised."""

    @property
    def texts(self) -> list[str | None]:
        return [result.text for result in self.results]

    @property
    def numbers(self) -> list[int]:
        return [result.number for result in self.results]


def journal_of(path: Path) -> Path:
    """The journal beside an output file."""
    return path.with_name(f"{path.name}.journal")


def run_batch(
    kind: str,
    requests: Any,
    *,
    url: str,
    on_result: Callable[[Any, BatchResult], object] = lambda batch, result: None,
    client_options: dict[str, Any] | None = None,
    **options: Any,
) -> BatchRun:
    """A batch of the client of this kind, iterated to its end. on_result: called with the batch and each result"""
    ended = BatchRun()
    options = {"model": MODEL, "retry": aurous.RetryPolicy(initial_delay=0.01), **options}
    settings = {"base_url": url, "api_key": KEY, **(client_options or {})}

    def take(batch: Any, result: BatchResult) -> None:
        ended.results.append(result)
        on_result(batch, result)

    async def run_in_tasks() -> None:
        async with aurous.AsyncAurous(backend=KINDS[kind], **settings) as client:
            batch = arun(client, requests, **options)
            ended.summary = batch.summary
            async for result in batch:
                take(batch, result)

    try:
        if kind == "sync":
            with aurous.Aurous(**settings) as client:
                batch = run(client, requests, **options)
                ended.summary = batch.summary
                for result in batch:
                    take(batch, result)
        else:
            asyncio.run(run_in_tasks())
    except Exception as error:
        ended.error = error
    return ended


def records(path: Path) -> list[dict[str, Any]]:
    """The records of an output file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def prompts(count: int) -> list[dict[str, Any]]:
    """So many short requests, each different."""
    return [{"prompt": f"Say {number}.", **named(max_tokens=4)} for number in range(1, count + 1)]


def write_lines(path: Path, lines: list[Any]) -> Path:
    """A file of JSON lines; strings are written as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def charged_keys(mock: AurousMock) -> list[str]:
    """The idempotency key of each charge."""
    return [charge["idempotency_key"] for charge in mock.ledger()]


def assert_charged_once(mock: AurousMock, target: Path, count: int) -> None:
    """Every line has one answer and one charge."""
    stored = records(target)
    assert sorted(record["aurous"]["line"] for record in stored) == list(range(1, count + 1))
    assert sorted(record["aurous"]["idempotency_key"] for record in stored) == sorted(charged_keys(mock))
    assert all(record["error"] is None for record in stored)


def contents_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
