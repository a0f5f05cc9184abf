"""Budgets: what they limit, wherever they are held, and that nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous.billing.ledger import Ledger
from aurous.billing.receipts import read_receipt
from aurous_mock.server.launcher import Mock
from clientkit.callers import Caller, Make
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from testkit.raw_server import RawServer
from testkit.responses import KEY, MESSAGES, MODEL, answer, completion


def create(client: aurous.Aurous) -> None:
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def test_spent_budget_refuses_calls_and_the_last_one_may_exceed_it(client: aurous.Aurous, wire: RawServer) -> None:
    with client.budget(credits="0.5") as budget:
        create(client)
        assert (budget.spent, budget.remaining) == (Decimal("0.2856"), Decimal("0.2144"))
        create(client)
        with pytest.raises(aurous.BudgetExceededError, match=r"the budget of 0\.5 credits is spent \(0\.5712\)"):
            create(client)
        with (
            pytest.raises(aurous.BudgetExceededError),
            client.chat.completions.stream(model=MODEL, messages=MESSAGES),
        ):
            pass
        assert len(wire.requests) == 2
        # What costs nothing may still be asked: what became of a completion, for one.
        client.chat.completions.retrieve("cmp_1")
        assert budget.remaining == Decimal("-0.0712")
    create(client)
    assert repr(budget) == "Budget(credits=0.5, spent=0.5712)"


def test_budget_of_zero_refuses_every_call(client: aurous.Aurous, wire: RawServer) -> None:
    with client.budget(credits=0), pytest.raises(aurous.BudgetExceededError):
        create(client)
    assert wire.requests == []


def test_budget_limits_variants_but_no_other_client(client: aurous.Aurous, wire: RawServer) -> None:
    with aurous.Aurous(KEY, base_url=wire.url) as other, client.budget(credits="0.1") as budget:
        create(other)
        assert budget.spent == 0
        create(client.with_options(max_retries=0))
        with pytest.raises(aurous.BudgetExceededError):
            create(client.with_options(max_retries=0))
        create(other)


def test_inner_budget_counts_for_the_outer(client: aurous.Aurous) -> None:
    with client.budget(credits=1) as outer:
        with client.budget(credits="0.1") as inner:
            create(client)
            with pytest.raises(aurous.BudgetExceededError):
                create(client)
        create(client)
    assert (inner.spent, outer.spent) == (Decimal("0.2856"), Decimal("0.5712"))


def test_replays_are_not_charged_to_a_budget(mock: Mock) -> None:
    with aurous.Aurous(KEY, base_url=mock.url) as client:
        for expected in (1, 0):
            with client.budget(credits=10) as budget:
                client.chat.completions.create(model=MODEL, messages=MESSAGES, idempotency_key="mine")
            assert bool(budget.spent) == bool(expected)


def test_receipt_after_the_block_is_charged_to_its_budget() -> None:
    ledger = Ledger()
    with ledger.budget("5") as budget:
        ledger.begin("cmp_1")
    ledger.settle(read_receipt("cmp_1", completion()["usage"]), created=False)
    assert budget.spent == Decimal("0.2856")


def test_recovered_streams_are_charged_to_the_budget(mock: Mock) -> None:
    with aurous.Aurous(KEY, base_url=mock.url) as client, client.budget(credits=100) as budget:
        mock.fault("reset=4; unnoticed", method="POST")
        with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
            with pytest.raises(aurous.StreamInterruptedError):
                list(stream)
            assert list(client.ledger.unsettled) == [stream.id]
            stream.recover()
        with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
            list(stream)
    [*charges] = mock.ledger()
    assert float(budget.spent) == pytest.approx(sum(row["credits_charged"] for row in charges))
    assert not client.ledger.unsettled


def test_block_limits_tasks_and_copied_contexts_but_not_bare_threads(client: aurous.Aurous) -> None:
    async def go() -> None:
        await asyncio.gather(asyncio.to_thread(create, client), asyncio.to_thread(create, client))

    with client.budget(credits=10) as budget, ThreadPoolExecutor(1) as pool:
        asyncio.run(go())
        assert budget.spent == Decimal("0.5712")
        pool.submit(create, client).result()
        assert budget.spent == Decimal("0.5712")
        pool.submit(contextvars.copy_context().run, create, client).result()
        assert budget.spent == Decimal("0.8568")


@pytest.mark.parametrize("bad", [0.5, "five", "", None, -1, "-1", "NaN", "Infinity", [1]])
def test_budgets_take_exact_amounts_only(bad: Any, client: aurous.Aurous) -> None:
    with pytest.raises(aurous.ConfigurationError, match="budget"), client.budget(credits=bad):
        pass


GENERATOR = r"a generator cannot limit a block.*client\.with_options\(budget=client\.budget"


def in_generator(client: Any) -> Iterator[None]:
    with client.budget(credits=1):
        yield


def in_exit_stack(client: Any) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(client.budget(credits=1))
        yield


class Nested:
    """A context manager of a service, which enters a budget in turn."""

    def __init__(self, client: Any) -> None:
        self.budget = client.budget(credits=1)

    def __enter__(self) -> aurous.Budget:
        return self.budget.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.budget.__exit__(*error)


def in_nested(client: Any) -> Iterator[None]:
    with Nested(client):
        yield


async def in_async_generator(client: Any) -> AsyncIterator[None]:
    with client.budget(credits=1):
        yield


@pytest.mark.parametrize(
    "enter",
    [
        lambda client: next(in_generator(client)),
        lambda client: next(in_exit_stack(client)),
        lambda client: next(in_nested(client)),
        lambda client: contextlib.contextmanager(in_generator)(client).__enter__(),
        lambda client: asyncio.run(anext(in_async_generator(client))),  # type: ignore[arg-type]
    ],
    ids=["generator", "exit stack", "nested", "contextmanager", "async generator"],
)
def test_block_in_a_generator_is_refused(client: aurous.Aurous, enter: Callable[[Any], Any]) -> None:
    with pytest.raises(aurous.ConfigurationError, match=GENERATOR):
        enter(client)
    # Nothing of it is left behind.
    create(client)
    create(client)


def test_blocks_may_be_entered_in_other_ways(client: aurous.Aurous, wire: RawServer) -> None:
    with contextlib.ExitStack() as stack:
        budget = stack.enter_context(client.budget(credits="0.1"))
        create(client)
        with pytest.raises(aurous.BudgetExceededError):
            create(client)
    assert budget.spent == Decimal("0.2856")
    with Nested(client) as budget:
        create(client)
    assert budget.spent == Decimal("0.2856")

    async def go() -> None:
        with client.budget(credits="0.1"):
            create(client)
            with pytest.raises(aurous.BudgetExceededError):
                create(client)

    asyncio.run(go())
    # A comprehension and a finished generator are no suspended ones.
    with client.budget(credits="0.5") as budget:
        assert [create(client) for _ in range(2)] == [None, None]
    assert budget.spent == Decimal("0.5712")


def test_one_budget_may_limit_several_blocks(client: aurous.Aurous) -> None:
    budget = client.budget(credits="0.5")
    with budget, budget:
        create(client)
    assert budget.spent == Decimal("0.2856")
    with budget:
        create(client)
    with budget, pytest.raises(aurous.BudgetExceededError):
        create(client)
    create(client)
    assert budget.spent == Decimal("0.5712")


def test_tasks_outlive_a_block_within_its_budget(client: aurous.Aurous) -> None:
    async def go() -> None:
        left = asyncio.Event()

        async def late() -> None:
            await left.wait()
            create(client)

        with client.budget(credits=1) as budget:
            task = asyncio.create_task(late())
        left.set()
        await task
        assert budget.spent == Decimal("0.2856")

    asyncio.run(go())


def test_block_left_in_another_context_warns_and_leaks_nothing(client: aurous.Aurous) -> None:
    budget = client.budget(credits="0.1")
    entered = contextvars.copy_context()
    entered.run(budget.__enter__)
    with pytest.warns(RuntimeWarning, match="ended in another context") as caught:
        budget.__exit__(None, None, None)
    assert [warning.filename for warning in caught] == [__file__]
    for _ in range(2):
        entered.run(create, client)
    assert budget.spent == 0


def test_interleaved_blocks_end_in_any_order(client: aurous.Aurous) -> None:
    first, second = client.budget(credits=1), client.budget(credits=1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    create(client)
    second.__exit__(None, None, None)
    create(client)
    assert (first.spent, second.spent) == (0, Decimal("0.2856"))


def test_limited_client_is_limited_wherever_it_is_used(make: Make, wire: RawServer) -> None:
    wire.plays(answer(200, completion()))
    caller = make(wire.url)
    budget = caller.client.budget(credits="0.2")
    limited = caller.client.with_options(budget=budget).with_options(max_retries=0)
    question = {"model": MODEL, "messages": MESSAGES}

    def spend(client: Any) -> Any:
        return client.chat.completions.create(**question)

    caller.run(lambda _: spend(limited))
    assert budget.spent == Decimal("0.2856")
    with pytest.raises(aurous.BudgetExceededError):
        caller.run(lambda _: spend(limited))
    failed: list[BaseException] = []

    def in_a_thread() -> None:
        # The other world has its loop in this thread; what is refused is refused before anything is awaited.
        try:
            spend(limited).send(None) if caller.kind != "sync" else spend(limited)
        except aurous.BudgetExceededError as error:
            failed.append(error)

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert len(failed) == 1
    # The client itself is not.
    caller.run(spend)
    assert budget.spent == Decimal("0.2856")
    assert caller.client.ledger.credits == limited.ledger.credits


def test_limited_client_charges_streams_to_its_budget(mock: Mock, live: Make) -> None:
    caller = live(mock.url)
    budget = caller.client.budget(credits="0.0001")
    limited: Caller = caller.__class__.__new__(caller.__class__)
    vars(limited).update(vars(caller), client=caller.client.with_options(budget=budget))
    assert limited.stream()
    assert budget.spent == sum(Decimal(str(row["credits_charged"])) for row in mock.ledger())
    with pytest.raises(aurous.BudgetExceededError):
        limited.stream()


def test_budget_of_another_client_is_refused(client: aurous.Aurous) -> None:
    other = aurous.Aurous(KEY)
    with pytest.raises(aurous.ConfigurationError, match="made by another client"):
        client.with_options(budget=other.budget(credits=1))


@pytest.mark.parametrize("given", ["0.5", 5, Decimal(1)])
def test_sum_in_place_of_a_budget_is_refused(client: aurous.Aurous, given: Any) -> None:
    with pytest.raises(aurous.ConfigurationError, match=r"budget: give client\.budget\(credits=\.\.\.\), not"):
        client.with_options(budget=given)


@pytest.mark.parametrize("endpoint", ["sync", "async"])
def test_dependency_of_fastapi_limits_the_client_it_gives(client: aurous.Aurous, endpoint: str) -> None:
    spent: list[Decimal] = []

    def limited() -> Iterator[aurous.Aurous]:
        budget = client.budget(credits="0.1")
        yield client.with_options(budget=budget)
        spent.append(budget.spent)

    def held() -> Iterator[None]:
        with client.budget(credits="0.1"):
            yield

    app = FastAPI()

    given = Depends(limited)

    def use(each: aurous.Aurous) -> str:
        create(each)
        try:
            create(each)
        except aurous.BudgetExceededError:
            return "refused"
        return "charged twice"

    if endpoint == "sync":

        @app.get("/")
        def sync_use(each: Any = given) -> str:
            return use(each)
    else:

        @app.get("/")
        async def async_use(each: Any = given) -> str:
            return use(each)

    @app.get("/held", dependencies=[Depends(held)])
    def unreachable() -> str:
        create(client)
        return "charged"

    browser = TestClient(app)
    assert browser.get("/").json() == "refused"
    assert spent == [Decimal("0.2856")]
    with pytest.raises(aurous.ConfigurationError, match=GENERATOR):
        browser.get("/held")
