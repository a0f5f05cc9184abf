"""What a user writes. Type checkers accept all of it, and know what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_type

import aurous
import httpx
from aurous import AsyncAurous, Aurous, models
from aurous.telemetry import OpenTelemetry

MODEL = "aurous-grow-2.0-pro"


class Counting(aurous.Hooks):
    def __init__(self) -> None:
        self.attempts = 0

    def on_attempt(self, call: aurous.CallDetails, attempt: aurous.Attempt) -> None:
        self.attempts += attempt.number and 1


def calls(client: Aurous) -> Decimal:
    completion = client.chat.completions.create(
        model=MODEL,
        messages=[
            models.SystemMessage(content="Be brief."),
            {"role": "user", "content": "Name three colours."},
        ],
        seed=7,
        temperature=0.5,
        reasoning_effort="low",
        stop=["END"],
        idempotency_key=aurous.idempotency_key("order-123", 7),
        timeout=20,
    )
    assert_type(completion, models.ChatCompletion)
    assert_type(completion.id, str)
    assert_type(completion.choices[0].message.content, str | None)
    assert_type(completion.usage.total_tokens, int)

    client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "user", "content": "Name three colours."},
            completion.choices[0].message,
            models.UserMessage(content="And three more."),
        ],
    )
    conversation: list[models.ChatMessage | models.ResponseMessage] = [models.UserMessage(content="Hi")]
    conversation.append(client.chat.completions.create(model=MODEL, messages=conversation).choices[0].message)
    client.chat.completions.stream(model=MODEL, messages=conversation)
    aurous.run_tools(client, model=MODEL, messages=conversation, tools=[])

    assert_type(client.request("GET", "/v1/balance"), dict[str, Any])
    assert_type(client.request("GET", "/v1/models", parse=models.ModelList), models.ModelList)
    assert_type(client.request("GET", "/v1/report", query={"days": 7}, parse=bytes), bytes)
    assert_type(client.request("DELETE", "/v1/things/1", parse=None), None)
    assert_type(client.request("POST", "/v1/sums", body={"of": [1, 2]}, parse=lambda found: int(found["sum"])), int)

    info = aurous.response_info(completion)
    assert_type(info.request_id, str | None)
    assert_type(info.idempotent_replayed, bool)
    assert_type(info.tokens_per_minute.remaining, int | None)
    assert_type(info.attempts, tuple[aurous.Attempt, ...])

    cost = aurous.receipt(completion)
    assert_type(cost.credits, Decimal)
    assert_type(client.ledger.credits, Decimal)
    assert_type(client.ledger.by_model[MODEL].calls, int)

    again = client.with_options(timeout=aurous.Timeouts(read=5), max_retries=0).chat.completions.retrieve(completion.id)
    assert_type(again, models.ChatCompletion)
    client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Hi"}], timeout=aurous.Timeouts(total=5)
    )
    assert_type(client.models.list().data, list[models.Model])
    assert_type(client.balance.retrieve(), models.Balance)
    with client.budget(credits="5") as budget:
        assert_type(budget.remaining, Decimal)
    return cost.credits


def streams(client: Aurous) -> str:
    with client.chat.completions.stream(model=MODEL, messages=[{"role": "user", "content": "Hi"}]) as stream:
        for chunk in stream:
            assert_type(chunk, models.ChatCompletionChunk)
        return "".join(stream.text)


def failures(client: Aurous) -> float | None:
    try:
        client.chat.completions.retrieve("cmp_1")
    except aurous.RateLimitError as error:
        assert_type(error.retry_after, float | None)
        return error.retry_after
    except aurous.APIStatusError as error:
        assert_type(error.status_code, int)
        assert_type(error.code, str | None)
    except aurous.APIConnectionError as error:
        assert_type(error.attempts, tuple[aurous.Attempt, ...])
    return None


async def coroutines(body: Mapping[str, Any]) -> None:
    async with AsyncAurous(http_client=httpx.AsyncClient(), hooks=[Counting(), OpenTelemetry()]) as client:
        completion = await client.chat.completions.create(model=MODEL, messages=[models.UserMessage(content="Hi")])
        assert_type(completion, models.ChatCompletion)
        async with client.chat.completions.stream(model=MODEL, messages=[{"role": "user", "content": "Hi"}]) as stream:
            async for text in stream.text:
                assert_type(text, str)


def functions(body: Mapping[str, Any]) -> None:
    from aurous_client.api.chat import create_chat_completion

    with Aurous(base_url="http://127.0.0.1:8080", api_version=None) as client:
        assert_type(create_chat_completion.sync(client=client, body=body), models.ChatCompletion)


if __name__ == "__main__":
    with Aurous(timeout=60, retry=aurous.RetryPolicy(max_retries=5, max_retry_after=10)) as ready:
        calls(ready)
        streams(ready)
        failures(ready)
    asyncio.run(coroutines({}))
