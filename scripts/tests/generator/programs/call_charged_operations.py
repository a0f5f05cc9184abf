"""Calls every charged operation that test_charged_operations.py adds to the spec, on a mock that serves that spec.

Runs beside the package generated from that spec. Arguments: the URL of the mock and the API version.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextvars import copy_context
from decimal import Decimal
from typing import Any

import aurous
import aurous_client
from aurous_client import api
from aurous_client.operations import Operation

assert "generated" not in str(aurous_client.__file__)
KEY = "al_live_" + "0" * 64
# What each charged operation costs by the example in the spec, and how it is called.
CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "createImaginaryEmbedding": ("0.1875", lambda client: client.imaginary_embeddings.create(text="Ada")),
    "createImaginaryPicture": ("2", lambda client: client.imaginary_pictures.create(text="Ada")),
    "createImaginaryVoice": ("0.5", lambda client: client.imaginary_voices.create(text="Ada")),
    "findImaginaryPictures": ("0.25", lambda client: client.imaginary_pictures.list()),
    "createChatCompletion": (
        "",
        lambda client: client.chat.completions.create(
            model="aurous-grow-2.0-pro", messages=[{"role": "user", "content": "Hello"}]
        ),
    ),
}


def operations() -> Iterator[Operation[Any]]:
    """Every operation of the package."""
    for tag in pkgutil.iter_modules(api.__path__, f"{api.__name__}."):
        package = importlib.import_module(tag.name)
        for module in pkgutil.iter_modules(package.__path__, f"{tag.name}."):
            yield importlib.import_module(module.name).OPERATION


def run(client: Any, call: Callable[[Any], Any]) -> Any:
    """Carry out a call with either client."""
    result = call(client)
    return RUNNER.run(result, context=copy_context()) if asyncio.iscoroutine(result) else result


def check_charge(make: Callable[[], Any], operation: str, price: str, call: Callable[[Any], Any]) -> None:
    client = make()
    results = [run(client, call) for _ in range(5)]
    ledger = client.ledger
    assert sum(line.calls for line in ledger.by_model.values()) == 5, (operation, ledger.by_model)
    assert ledger.credits == sum(aurous.receipt(result).credits for result in results) > 0
    assert not price or ledger.credits == 5 * Decimal(price), (operation, ledger.credits)

    limited = make()
    with limited.budget(credits="0.000001") as budget:
        run(limited, call)
        assert budget.spent == limited.ledger.credits > 0, operation
        try:
            run(limited, call)
        except aurous.BudgetExceededError:
            pass
        else:
            raise AssertionError(f"{operation} passed a budget that was spent")


def check_records(make: Callable[[], Any]) -> None:
    client = make()
    picture = run(client, CALLS["createImaginaryPicture"][1])
    with client.budget(credits=0):  # looking up is free, and is not refused
        for _ in range(3):
            run(client, lambda client: client.imaginary_pictures.retrieve(picture.id))
    assert client.ledger.credits == 2, client.ledger.by_model


def check_open_price(make: Callable[[], Any]) -> None:
    """A price that is not known when the call ends is entered with the record."""
    client = make()
    job = run(client, lambda client: client.imaginary_jobs.create(text="Ada"))
    assert (client.ledger.credits, client.ledger.unsettled) == (0, (job.id,))
    assert aurous.receipt(job).warnings
    for _ in range(2):
        run(client, lambda client: client.imaginary_jobs.retrieve(job.id))
    assert (client.ledger.credits, client.ledger.unsettled) == (Decimal("1.25"), ())


def check_held_price(make: Callable[[], Any]) -> None:
    """Credits that are held count for a budget, and become a charge with the record of what has ended."""
    client = make()
    with client.budget(credits="10") as budget:
        render = run(client, lambda client: client.imaginary_renders.create(text="Ada"))
        assert aurous.receipt(render).held
        for _ in range(2):
            assert (client.ledger.credits, client.ledger.unsettled, budget.spent) == (0, (render.id,), 3)
            running = run(client, lambda client: client.imaginary_renders.progress.retrieve(render.id))
            assert aurous.receipt(running).held
    for _ in range(2):
        ended = run(client, lambda client: client.imaginary_renders.retrieve(render.id))
        assert not aurous.receipt(ended).held
        assert (client.ledger.credits, client.ledger.unsettled, budget.spent) == (Decimal("0.5"), (), Decimal("0.5"))
    assert {name: line.calls for name, line in client.ledger.by_model.items()} == {"createImaginaryRender": 1}


def check_replays(make: Callable[[], Any], key: str) -> None:
    client = make()
    for _ in range(2):
        run(client, lambda client: client.imaginary_embeddings.create(text="Ada", idempotency_key=key))
    [line] = client.ledger.by_model.values()
    assert (line.calls, line.replays, line.credits) == (1, 1, Decimal("0.1875")), line


def main(url: str, version: str) -> None:
    charged = {each.id for each in operations() if each.charge is not None and not each.charge.is_record}
    assert charged == {*CALLS, "createImaginaryJob", "createImaginaryRender"}, charged
    options: dict[str, Any] = {"api_key": KEY, "base_url": url, "api_version": version}
    for kind in (aurous.Aurous, aurous.AsyncAurous):
        clients: list[Any] = []

        def make(kind: Any = kind, clients: list[Any] = clients) -> Any:
            clients.append(kind(**options))
            return clients[-1]

        for operation, (price, call) in CALLS.items():
            check_charge(make, operation, price, call)
        check_records(make)
        check_open_price(make)
        check_held_price(make)
        check_replays(make, key=f"one for {kind.__name__}")
        for client in clients:
            run(client, lambda client: client.close())


with asyncio.Runner() as RUNNER:
    main(*sys.argv[1:])
print("all is well")
