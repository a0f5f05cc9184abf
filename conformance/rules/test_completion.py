"""The completion that a create answers with, member by member."""

from __future__ import annotations

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.client.mock_controls import Levers
from harness.client.stream import Transcript
from harness.rules import CREATE, DROP_IN, ERRORS, REASONING, rule
from harness.violations import observe, require, unseen

from .billing_math import had_room

FINISH_REASONS = contract.schema("FinishReason")["enum"]
CLOCKS_MAY_DIFFER_BY = 600
ROOM = 64


@rule("completion.status_code", page=CREATE, says="Creating a completion answers 200.")
def test_status_code(server: Server) -> None:
    server.create(server.ask()).expect(200)


@rule("completion.schema", page=CREATE, says="The answer has the documented members, each of its documented type.")
def test_schema(completion: Exchange) -> None:
    misfits = contract.misfits("ChatCompletion", completion.json)
    require(not misfits, "; ".join(misfits[:5]), completion)


@rule("completion.media_type", page=CREATE, says="A completion that is not streamed is application/json.")
def test_media_type(completion: Exchange) -> None:
    require(completion.media_type == "application/json", f"the content type is {completion.media_type!r}", completion)


@rule("completion.id", page=CREATE, says="`id` is `cmp_` and an opaque rest.")
def test_id(completion: Exchange) -> None:
    told = completion.at("id")
    require(isinstance(told, str) and told.startswith("cmp_") and told != "cmp_", f"`id` is {told!r}", completion)


@rule("completion.id_unique", page=CREATE, says="Every completion has an id of its own, equal requests included.")
def test_id_unique(server: Server) -> None:
    body = server.ask()
    made = [server.completed(body) for _ in range(3)]
    ids = {exchange.at("id") for exchange in made}
    require(len(ids) == len(made), f"{len(made)} creates gave {len(ids)} different ids", *made)


@rule("completion.object", page=CREATE, says="`object` is `chat.completion`.")
def test_object(completion: Exchange) -> None:
    require(completion.at("object") == "chat.completion", f"`object` is {completion.at('object')!r}", completion)


@rule("completion.created", page=CREATE, says="`created` is the time of creation in whole Unix seconds.")
def test_created(server: Server, levers: Levers) -> None:
    before = levers.time()
    made = server.completed(server.ask())
    created, after = made.at("created"), levers.time()
    require(isinstance(created, int | float) and created == int(created), f"`created` is {created!r}", made)
    near = before - CLOCKS_MAY_DIFFER_BY <= created <= after + CLOCKS_MAY_DIFFER_BY
    require(near, f"`created` is {created}, and the time was {after:.0f}", made)


@rule("completion.model", page=CREATE, says="`model` is the slug that was asked for.")
def test_model(server: Server, completion: Exchange) -> None:
    require(completion.at("model") == server.model, f"`model` is {completion.at('model')!r}", completion)


@rule("completion.one_choice", page=CREATE, says="`choices` always has exactly one entry.")
def test_one_choice(completion: Exchange) -> None:
    choices = completion.at("choices")
    require(isinstance(choices, list) and len(choices) == 1, f"`choices` is {str(choices)[:100]}", completion)


@rule("completion.choice_index", page=CREATE, says="The one choice has `index` 0.")
def test_choice_index(completion: Exchange) -> None:
    index = completion.at("choices", 0, "index")
    require(index == 0 and index is not False, f"`index` is {index!r}", completion)


@rule("completion.role", page=CREATE, says="The message's `role` is `assistant`.")
def test_role(completion: Exchange) -> None:
    role = completion.at("choices", 0, "message", "role")
    require(role == "assistant", f"`role` is {role!r}", completion)


@rule("completion.content", page=CREATE, says="The message's `content` is the text of the answer.")
def test_content(completion: Exchange) -> None:
    content = completion.at("choices", 0, "message", "content")
    require(isinstance(content, str) and content, f"`content` is {content!r}", completion)


@rule("completion.no_empty_tool_calls", page=CREATE, says="`tool_calls` is there only when there are calls.")
def test_no_tool_calls(completion: Exchange) -> None:
    calls = completion.at("choices", 0, "message").get("tool_calls")
    require(not calls, f"a question without tools was answered with calls: {calls}", completion)


@rule(
    "completion.finish_reason",
    page=CREATE,
    says="`finish_reason` of a finished choice is stop, length, tool_calls, content_filter or cancelled.",
)
def test_finish_reason(completion: Exchange) -> None:
    reason = completion.at("choices", 0, "finish_reason")
    require(reason in FINISH_REASONS, f"`finish_reason` is {reason!r}", completion)


@rule("completion.status", page=CREATE, says="`status` of an answer that came as usual is `completed`.")
def test_status(completion: Exchange) -> None:
    require(completion.at("status") == "completed", f"`status` is {completion.at('status')!r}", completion)


@rule("completion.no_error", page=CREATE, says="`error` is absent or null when `status` is `completed`.")
def test_no_error(completion: Exchange) -> None:
    require(completion.json.get("error") is None, f"`error` is {completion.json.get('error')}", completion)


@rule("completion.max_tokens", page=CREATE, says="No more than `max_tokens` tokens are made.")
def test_max_tokens(server: Server) -> None:
    for most in (1, 5):
        made = server.completed(server.ask("Write a long poem about rain.", max_tokens=most))
        told = made.at("usage", "completion_tokens")
        require(told <= most, f"max_tokens was {most} and completion_tokens is {told}", made)


@rule(
    "completion.length",
    page=CREATE,
    says="An answer that was cut short ends with `length` (OpenAI's word; the pages never print it).",
    observed=True,
)
def test_length(server: Server) -> None:
    made = server.completed(server.ask("Write a long poem about rain.", max_tokens=1))
    observe(f"with max_tokens 1, finish_reason is {made.at('choices', 0, 'finish_reason')!r}")


@rule(
    "completion.not_cut",
    page=DROP_IN,
    says="An answer that had room to spare does not say `length`, which OpenAI's SDKs take for one that was cut.",
)
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_not_cut(server: Server, stream: bool) -> None:
    body = server.ask("Greet me in 3 words.", max_tokens=ROOM)
    if stream:
        told = server.streamed(body)
        exchange, usage, reasons = told.exchange, told.usage, told.finish_reasons
    else:
        exchange = server.completed(body)
        usage, reasons = exchange.at("usage"), [exchange.at("choices", 0, "finish_reason")]
    if usage is None:
        unseen("the stream brought no receipt")
    made = had_room(usage, ROOM)
    require("length" not in reasons, f"it took {made} of {ROOM} tokens, and finish_reason is {reasons}", exchange)


@rule("completion.stop", page=CREATE, says="The answer ends before any text at which it was to stop.")
@pytest.mark.parametrize("stop", [" ", [" "], ["no-such-text", " "], ["a", "e", "o", " "]], ids=str)
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_stop(server: Server, stop: str | list[str], stream: bool) -> None:
    body = server.ask("Tell me about rain, in one sentence.", stop=stop)
    if stream:
        told = server.streamed(body)
        exchange, content = told.exchange, told.content
    else:
        exchange = server.completed(body)
        content = exchange.at("choices", 0, "message", "content") or ""
    found = [text for text in ([stop] if isinstance(stop, str) else stop) if text in content]
    require(not found, f"the answer holds {found}: {content[:80]!r}", exchange)


@rule("completion.stop_at_once", page=CREATE, says="A text at which to stop may be what the answer begins with.")
@pytest.mark.parametrize("length", [1, 3])
def test_stop_at_once(server: Server, length: int) -> None:
    body = server.ask("Tell me about rain, in one sentence.", temperature=0, seed=7)
    beginning = (server.completed(body).at("choices", 0, "message", "content") or "")[:length]
    made = server.completed({**body, "stop": beginning})
    content = made.at("choices", 0, "message", "content") or ""
    require(beginning not in content, f"it was to stop at {beginning!r}, and the answer is {content[:80]!r}", made)


@rule("completion.seed", page=CREATE, says="`seed` asks for the same answer to the same request.", observed=True)
def test_seed(server: Server) -> None:
    body = server.ask(seed=7, temperature=0)
    first, second = server.completed(body), server.completed(body)
    same = first.at("choices", 0, "message") == second.at("choices", 0, "message")
    observe("two requests with one seed got the same answer" if same else "one seed gave two answers")


@rule(
    "completion.logprobs",
    page=CREATE,
    says="`logprobs` asks for log probabilities (no page prints them).",
    observed=True,
)
def test_logprobs(server: Server) -> None:
    made = server.completed(server.ask(logprobs=True, top_logprobs=2))
    told = made.get("choices", 0, "logprobs", "content")
    observe(f"{len(told)} tokens have log probabilities" if isinstance(told, list) else "there are none")


@rule(
    "completion.no_logprobs",
    page=CREATE,
    says="Without `logprobs: true` there are no log probabilities: `logprobs` is null or absent.",
)
def test_no_logprobs(completion: Exchange, transcript: Transcript) -> None:
    told = completion.get("choices", 0, "logprobs")
    require(told is None, f"nobody asked, and `logprobs` is {str(told)[:100]}", completion)
    streamed = [choice["logprobs"] for choice in transcript.choices if choice.get("logprobs") is not None]
    require(not streamed, f"nobody asked, and a chunk's `logprobs` is {str(streamed[:1])[:100]}", transcript.exchange)


@rule(
    "completion.extra_members",
    page=CREATE,
    says="What becomes of members that the page does not list (`user`, `n`, `metadata`).",
    observed=True,
)
def test_extra_members(server: Server) -> None:
    observe(f"the answer is {server.create(server.ask(user='u-1', n=1, metadata={'a': 'b'})).outcome}")


@rule("completion.reasoning_minimal", page=REASONING, says="`reasoning_effort: minimal` suppresses reasoning entirely.")
def test_reasoning_minimal(server: Server) -> None:
    made = server.completed(server.ask("What is 17 times 23?", reasoning_effort="minimal"))
    reasoned = made.at("usage").get("reasoning_tokens") or 0
    require(reasoned == 0, f"reasoning_tokens is {reasoned}", made)


@rule("completion.unicode", page=CREATE, says="Text of any script is answered as JSON in UTF-8.")
def test_unicode(server: Server) -> None:
    made = server.completed(server.ask("Répète : ünïcödé, 日本語, العربية, 🌧️"))
    content = made.at("choices", 0, "message", "content")
    require(isinstance(content, str) and "\ufffd" not in content, f"`content` is {content!r}", made)


@rule("completion.unknown_model", page=ERRORS, says="A model that does not exist is refused with 400, 404 or 422.")
def test_unknown_model(server: Server) -> None:
    refused = server.create(server.ask(model="aurous-no-such-model"), refused=True).expect(400, 404, 422)
    param = refused.at("error").get("param")
    require(param is None or "model" in param, f"`param` is {param!r}", refused)
