"""Rules on the completion that a create returns, member by member."""

from __future__ import annotations

import pytest
from harness.checks.answers import ANSWER_CHECKS
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls
from harness.client.stream import Transcript
from harness.rules import CREATE, DROP_IN, ERRORS, REASONING, rule
from harness.violations import RuleViolation, inform, not_tested, require

from .billing_math import require_room
from .scenarios import CUT, each_mode

CLOCKS_MAY_DIFFER_BY = 600
ROOM = 64
# Enough for a word and a space.
STOPPED = 8
MAX_TOKENS = next(check for check in ANSWER_CHECKS if check.id == "completion.max_tokens")


@rule("completion.media_type", page=CREATE, sentence="A completion that is not streamed is application/json.")
def test_completion_media_type_is_json(completion: Exchange) -> None:
    require(completion.media_type == "application/json", f"the content type is {completion.media_type!r}", completion)


@rule("completion.id_unique", page=CREATE, sentence="Every completion has an id of its own, equal requests included.")
def test_equal_requests_get_different_completion_ids(api: ApiClient) -> None:
    body = api.chat_body()
    actual = [api.complete(body) for _ in range(3)]
    ids = {exchange.at("id") for exchange in actual}
    require(len(ids) == len(actual), f"{len(actual)} creates gave {len(ids)} different ids", *actual)


@rule("completion.created", page=CREATE, sentence="`created` is the time of creation in whole Unix seconds.")
def test_created_is_the_current_unix_time(api: ApiClient, mock_controls: MockControls) -> None:
    before = mock_controls.time()
    completion = api.complete(api.chat_body())
    created, after = completion.at("created"), mock_controls.time()
    require(isinstance(created, int | float) and created == int(created), f"`created` is {created!r}", completion)
    near = before - CLOCKS_MAY_DIFFER_BY <= created <= after + CLOCKS_MAY_DIFFER_BY
    require(near, f"`created` is {created}, and the time was {after:.0f}", completion)


@rule("completion.model", page=CREATE, sentence="`model` is the slug in the request.")
def test_completion_names_the_requested_model(api: ApiClient, completion: Exchange) -> None:
    require(completion.at("model") == api.model, f"`model` is {completion.at('model')!r}", completion)


@rule("completion.content", page=CREATE, sentence="The message's `content` is the text of the answer.")
def test_completion_content_is_text(completion: Exchange) -> None:
    content = completion.at("choices", 0, "message", "content")
    require(isinstance(content, str) and content, f"`content` is {content!r}", completion)


@rule("completion.no_empty_tool_calls", page=CREATE, sentence="`tool_calls` is present only if there are calls.")
def test_completion_without_tools_has_no_tool_calls(completion: Exchange) -> None:
    calls = completion.at("choices", 0, "message").get("tool_calls")
    require(not calls, f"a question without tools was answered with calls: {calls}", completion)


@rule("completion.status", page=CREATE, sentence="`status` of an answer that ended by itself is `completed`.")
def test_finished_completion_has_status_completed(completion: Exchange) -> None:
    require(completion.at("status") == "completed", f"`status` is {completion.at('status')!r}", completion)


@rule("completion.max_tokens", page=CREATE, sentence="No more than `max_tokens` tokens are generated.")
@each_mode
@pytest.mark.parametrize("most", [1, 5, 12])
def test_completion_has_at_most_max_tokens(api: ApiClient, most: int, stream: bool) -> None:
    result = fetch_result(api, api.chat_body("Write a long poem about rain.", max_tokens=most), stream=stream)
    for problem in MAX_TOKENS.problems(result):
        raise RuleViolation(problem, result.exchange)


@rule(
    "completion.length",
    page=CREATE,
    sentence="An answer that was cut short ends with `length` (OpenAI's value; not documented).",
    informational=True,
)
def test_finish_reason_of_a_completion_limited_to_one_token(api: ApiClient) -> None:
    completion = api.complete(api.chat_body("Write a long poem about rain.", max_tokens=1))
    inform(f"with max_tokens 1, finish_reason is {completion.at('choices', 0, 'finish_reason')!r}")


@rule(
    "completion.cut",
    page=DROP_IN,
    sentence="An answer cut by `max_tokens` does not end with `stop`, which means a whole one to OpenAI's SDKs.",
)
@each_mode
def test_truncated_completion_does_not_finish_with_stop(api: ApiClient, stream: bool) -> None:
    result = fetch_result(api, api.chat_body("Write a long poem about rain.", max_tokens=CUT), stream=stream)
    if result.required_usage["completion_tokens"] < CUT:
        not_tested(f"the answer took fewer than the {CUT} tokens it was given")
    actual = f"it took all {CUT} tokens it was given, and finish_reason is {result.finish_reason!r}"
    require(result.finish_reason != "stop", actual, result.exchange, expected="finish_reason `length`")


@rule(
    "completion.not_cut",
    page=DROP_IN,
    sentence="An answer below `max_tokens` does not end with `length`, which means one that was cut to OpenAI's SDKs.",
)
@each_mode
def test_untruncated_completion_does_not_finish_with_length(api: ApiClient, stream: bool) -> None:
    result = fetch_result(api, api.chat_body("Greet me in 3 words.", max_tokens=ROOM), stream=stream)
    if result.usage is None:
        not_tested("the stream carries no receipt")
    tokens = require_room(result.usage, ROOM)
    actual = f"it took {tokens} of {ROOM} tokens, and finish_reason is {result.finish_reason!r}"
    require(result.finish_reason != "length", actual, result.exchange)


@rule("completion.stop", page=CREATE, sentence="The answer ends before the first stop sequence.")
@pytest.mark.parametrize("stop", [" ", [" "], ["none", "of", "these", " "], ["a", "e", "o", " "]], ids=str)
@each_mode
def test_completion_ends_before_a_stop_sequence(api: ApiClient, stop: str | list[str], stream: bool) -> None:
    result = fetch_result(
        api, api.chat_body("Tell me about rain, in one sentence.", stop=stop, max_tokens=STOPPED), stream=stream
    )
    actual = [text for text in ([stop] if isinstance(stop, str) else stop) if text in result.content]
    require(not actual, f"the answer has {actual}: {result.content[:80]!r}", result.exchange)


@rule("completion.stop_at_once", page=CREATE, sentence="A stop sequence ends the answer even at its beginning.")
@pytest.mark.parametrize("length", [1, 3])
@each_mode
def test_stop_sequence_may_begin_the_completion(api: ApiClient, length: int, stream: bool) -> None:
    body = api.chat_body("Tell me about rain, in one sentence.", temperature=0, seed=7, max_tokens=STOPPED)
    beginning = fetch_result(api, body, stream=False).content[:length]
    result = fetch_result(api, {**body, "stop": beginning}, stream=stream)
    actual = f"it was to stop at {beginning!r}, and the answer is {result.content[:80]!r}"
    require(beginning not in result.content, actual, result.exchange)


@rule(
    "completion.seed", page=CREATE, sentence="`seed` asks for the same answer to the same request.", informational=True
)
def test_equal_seeds_give_equal_completions(api: ApiClient) -> None:
    body = api.chat_body(seed=7, temperature=0)
    first, second = api.complete(body), api.complete(body)
    same = first.at("choices", 0, "message") == second.at("choices", 0, "message")
    inform("two requests with one seed got the same answer" if same else "one seed gave two answers")


@rule("completion.one_choice", page=CREATE, sentence="`choices` always has exactly one entry.")
@each_mode
@pytest.mark.parametrize("n", [1, 2, 5])
def test_completion_has_one_choice_whatever_n_is(api: ApiClient, n: int, stream: bool) -> None:
    """`n` is not documented: a server may refuse it, but not make more than one choice."""
    response = api.create(api.chat_body(n=n, stream=stream, max_tokens=2))
    if response.status in (400, 422):
        not_tested(f"`n` is refused: {response.outcome}")
    response.expect(200)
    made = Transcript.of(response).chunks if stream else [response.json]
    most = max((len(part.get("choices") or []) for part in made), default=0)
    indices = {choice.get("index") for part in made for choice in part.get("choices") or []}
    require(most == 1 and indices == {0}, f"`n` was {n}: there are {most} choices, of index {indices}", response)


@rule(
    "completion.no_logprobs",
    page=CREATE,
    sentence="Without `logprobs: true` there are no log probabilities: `logprobs` is null or absent.",
)
def test_logprobs_are_absent_unless_requested(completion: Exchange, transcript: Transcript) -> None:
    actual = completion.get("choices", 0, "logprobs")
    require(actual is None, f"nobody asked, and `logprobs` is {str(actual)[:100]}", completion)
    stream = [choice["logprobs"] for choice in transcript.choices if choice.get("logprobs") is not None]
    require(not stream, f"nobody asked, and a chunk's `logprobs` is {str(stream[:1])[:100]}", transcript.exchange)


@rule(
    "completion.extra_members",
    page=CREATE,
    sentence="Whether members that the page does not list are accepted (`user`, `n`, `metadata`).",
    informational=True,
)
def test_undocumented_request_members(api: ApiClient) -> None:
    inform(f"the response is {api.create(api.chat_body(user='u-1', n=1, metadata={'a': 'b'})).outcome}")


@rule(
    "completion.reasoning_minimal",
    page=REASONING,
    sentence="`reasoning_effort: minimal` suppresses reasoning entirely.",
)
@each_mode
def test_minimal_reasoning_effort_uses_no_reasoning_tokens(api: ApiClient, stream: bool) -> None:
    result = fetch_result(api, api.chat_body("What is 17 times 23?", reasoning_effort="minimal"), stream=stream)
    reasoned = result.required_usage.get("reasoning_tokens") or 0
    require(reasoned == 0, f"reasoning_tokens is {reasoned}", result.exchange)


@rule("completion.unicode", page=CREATE, sentence="Text of any script is answered as JSON in UTF-8.")
def test_completion_of_unicode_text_is_valid_utf8(api: ApiClient) -> None:
    completion = api.complete(api.chat_body("Répète : ünïcödé, 日本語, العربية, 🌧️", max_tokens=24))
    content = completion.at("choices", 0, "message", "content")
    require(isinstance(content, str) and "\ufffd" not in content, f"`content` is {content!r}", completion)


@rule("completion.unknown_model", page=ERRORS, sentence="A model that does not exist is refused with 400, 404 or 422.")
@each_mode
def test_unknown_model_is_refused(api: ApiClient, stream: bool) -> None:
    body = api.chat_body(model="aurous-no-such-model", stream=stream)
    response = api.create(body, expect_error=True).expect(400, 404, 422)
    param = response.at("error").get("param")
    require(param is None or "model" in param, f"`param` is {param!r}", response)
