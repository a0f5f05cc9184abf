"""The operations of the API as methods: `client.chat.completions.create(...)`, synchronous and for asyncio.

Methods take plain values, build the request and pass it to a caller, which sends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from . import api as _api
from . import models as _models
from .encoding import convert_class, merge_body, to_headers
from .types import UNSET, Timeouts

if TYPE_CHECKING:
    from .operations import (
        AsyncCaller,
        AsyncStreamer,
        Request,
        SyncCaller,
        SyncStreamer,
    )

StreamT = TypeVar("StreamT")


def _with_options(
    request: Request,
    extra_headers: Mapping[str, str] | None,
    timeout: float | Timeouts | None,
    on_disconnect: Literal["raise", "recover"] | None = None,
) -> Request:
    if extra_headers is None and timeout is None and on_disconnect is None:
        return request
    return replace(
        request, headers=to_headers(request.headers, extra_headers), timeout=timeout, on_disconnect=on_disconnect
    )


class ChatCompletionsResource(Generic[StreamT]):
    """The methods of `chat.completions`."""

    def __init__(self, caller: SyncStreamer[StreamT]) -> None:
        self._caller = caller

    def create(
        self,
        *,
        model: str,
        messages: Sequence[_models.ChatMessage | _models.ResponseMessage | Mapping[str, Any]],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stream: Literal[False] | None = None,
        stream_options: _models.StreamOptions | Mapping[str, Any] | None = None,
        tools: Sequence[_models.Tool | Mapping[str, Any]] | None = None,
        tool_choice: _models.ToolChoice | Mapping[str, Any] | None = None,
        response_format: _models.ResponseFormat | Mapping[str, Any] | type[Any] | None = None,
        reasoning_effort: _models.ReasoningEffort | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        vision_quality: str | None = None,
        idempotency_key: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | Timeouts | None = None,
    ) -> _models.ChatCompletion:
        """Create a chat completion.

        Answers a conversation with one completion, as one JSON document or, with `stream: true`, as server-sent events.

        **Receipt.** `usage.total_tokens` is prompt + completion + reasoning tokens, and `usage.credits_charged` is the
        sum of the credits in `usage.breakdown`, to four decimals. Rates follow the model's published rate card, whose
        version is `breakdown.pricing_version` (`api-reference/chat/pricing`, `guides/cost-transparency`). Before the
        work a hold is placed on the balance; afterwards it is replaced by the charge. A failed request costs nothing.

        **Idempotency** (`api-reference/chat/idempotency`, `idempotency`). With an `Idempotency-Key`, the successful
        answer of a non-streamed request is kept for 24 hours. The same key with the same body, compared as canonical
        JSON so that key order and white space do not matter, gets that answer again with `Aurous-Idempotent-Replayed:
        true` and is not charged. The same key with another body or on another route, or while the first request still
        runs, is a 409 `idempotency_key_in_use`. Answers of type `invalid_request` are not kept; after a 5xx the same
        key is safe to send again. Keys belong to the team. A first call carries no replay header.

        **Streams** (`api-reference/chat/streaming`). All frames carry the same `id`, `created` and `model`. The first
        delta carries the role; content follows; the last chunk carries an empty delta, the one `finish_reason` and,
        unless `stream_options.include_usage` is false, `usage`; then `data: [DONE]`, and nothing after it. While no
        content is ready a comment line (`: keep-alive`) arrives every 15 seconds. An idempotency key is ignored on a
        stream: the header `Aurous-Idempotency-Status: ignored_streaming` and a warning in the first `data:` line say
        so. A client that disconnects cancels the completion, and pays for the tokens made until then. Reasoning is
        never sent, only counted in `usage` (`api-reference/chat/reasoning`). The response is not to be cached or
        transformed (`Cache-Control: no-cache, no-transform`).

        **Stored.** Every completion can be retrieved by its id afterwards, without asking for it to be stored.

        Args:
            model: Slug of a chat model, from the list of models. At most 128 characters.
            messages: The conversation, oldest message first. 1 to 200 items.
            max_tokens: The most tokens to make. Left out, the model's `default_max_output_tokens` applies;
                above its `max_output_tokens_hard_cap` the request is a 400 `max_tokens_exceeds_hard_cap`.
                At least 1.
            temperature: Sampling temperature; lower is more predictable. 0 to 2.
            top_p: Nucleus sampling; the probability mass to draw from. 0 to 1.
            stream: Answer as server-sent events instead of one document. False when left out.
            stream_options: Options of a stream; ignored when `stream` is false.
            tools: Functions the model may call (`api-reference/chat/tools`).
            tool_choice: Whether the model may, may not or must call a function; `auto` when `tools` are
                given.
            response_format: The form of the answer (`api-reference/chat/structured-output`).
            reasoning_effort: How much the model may reason before it answers; `minimal` suppresses
                reasoning, `medium` applies when left out. Ignored by models without the capability
                (`api-reference/chat/reasoning`). One of `minimal`, `low`, `medium`, `high`.
            seed: Asks for the same answer to the same request, where the model supports it.
            stop: Text at which to stop, up to 4 sequences of at most 200 characters each. It is not part of
                the answer.
            presence_penalty: Above zero, discourages tokens that have appeared at all. -2 to 2.
            frequency_penalty: Above zero, discourages tokens the more often they have appeared. -2 to 2.
            logprobs: Return the log probability of each token of the answer.
            top_logprobs: How many alternatives to return for each token. 0 to 20.
            vision_quality: Detail in which pictures are read, `xhigh` being about 2048 tokens each
                (`api-reference/chat/multimodal`).
            idempotency_key: Makes a retry safe: within 24 hours the same key and body get the first answer
                again, uncharged. Honoured only when `stream` is false. Up to 64 characters on the chat
                page, 1-256 on the global one (`api-reference/chat/idempotency`, `idempotency`). 1 to 256
                characters.
            extra_headers: Headers to send besides.
            extra_body: Members of the body that are not listed here.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `missing_field`, `invalid_format`, `value_out_of_range`, `unknown_version`,
                `model_wrong_kind`, `max_tokens_exceeds_hard_cap`, `max_input_tokens_exceeded`,
                `tool_choice_required_unsupported`, `response_format_too_large`, `response_format_too_deep`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            402: `balance_too_low`
            403: `missing_scope`
            404: `resource_not_found`
            409: `idempotency_key_in_use`
            429: `too_many_requests`, `tpm_rate_limit_exceeded`, `concurrency_limit_exceeded`
            500: `internal_error`, `chat_provider_auth_failed`, `chat_provider_request_invalid`
            502: `chat_provider_unavailable`, `chat_provider_unknown_error`
            503: `provider_rate_limited`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/create-a-chat-completion
        """
        if stream:
            raise TypeError("create() returns one result; for a stream of events call stream()")
        _body = merge_body(
            {
                "model": model,
                "messages": messages,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stream": stream,
                "stream_options": stream_options,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": convert_class(response_format),
                "reasoning_effort": reasoning_effort,
                "seed": seed,
                "stop": stop,
                "presence_penalty": presence_penalty,
                "frequency_penalty": frequency_penalty,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
                "vision_quality": vision_quality,
            },
            extra_body,
            required=(
                "model",
                "messages",
            ),
        )
        _request = _with_options(
            _api.chat.create_chat_completion.build_request(
                body=_body, idempotency_key=UNSET if idempotency_key is None else idempotency_key
            ),
            extra_headers,
            timeout,
        )
        return self._caller.call(_api.chat.create_chat_completion.OPERATION, _request).parsed

    def stream(
        self,
        *,
        model: str,
        messages: Sequence[_models.ChatMessage | _models.ResponseMessage | Mapping[str, Any]],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stream_options: _models.StreamOptions | Mapping[str, Any] | None = None,
        tools: Sequence[_models.Tool | Mapping[str, Any]] | None = None,
        tool_choice: _models.ToolChoice | Mapping[str, Any] | None = None,
        response_format: _models.ResponseFormat | Mapping[str, Any] | type[Any] | None = None,
        reasoning_effort: _models.ReasoningEffort | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        vision_quality: str | None = None,
        idempotency_key: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | Timeouts | None = None,
        on_disconnect: Literal["raise", "recover"] | None = None,
    ) -> StreamT:
        """Create a chat completion.

        Opens a stream: a context manager over its events.

        Answers a conversation with one completion, as one JSON document or, with `stream: true`, as server-sent events.

        **Receipt.** `usage.total_tokens` is prompt + completion + reasoning tokens, and `usage.credits_charged` is the
        sum of the credits in `usage.breakdown`, to four decimals. Rates follow the model's published rate card, whose
        version is `breakdown.pricing_version` (`api-reference/chat/pricing`, `guides/cost-transparency`). Before the
        work a hold is placed on the balance; afterwards it is replaced by the charge. A failed request costs nothing.

        **Idempotency** (`api-reference/chat/idempotency`, `idempotency`). With an `Idempotency-Key`, the successful
        answer of a non-streamed request is kept for 24 hours. The same key with the same body, compared as canonical
        JSON so that key order and white space do not matter, gets that answer again with `Aurous-Idempotent-Replayed:
        true` and is not charged. The same key with another body or on another route, or while the first request still
        runs, is a 409 `idempotency_key_in_use`. Answers of type `invalid_request` are not kept; after a 5xx the same
        key is safe to send again. Keys belong to the team. A first call carries no replay header.

        **Streams** (`api-reference/chat/streaming`). All frames carry the same `id`, `created` and `model`. The first
        delta carries the role; content follows; the last chunk carries an empty delta, the one `finish_reason` and,
        unless `stream_options.include_usage` is false, `usage`; then `data: [DONE]`, and nothing after it. While no
        content is ready a comment line (`: keep-alive`) arrives every 15 seconds. An idempotency key is ignored on a
        stream: the header `Aurous-Idempotency-Status: ignored_streaming` and a warning in the first `data:` line say
        so. A client that disconnects cancels the completion, and pays for the tokens made until then. Reasoning is
        never sent, only counted in `usage` (`api-reference/chat/reasoning`). The response is not to be cached or
        transformed (`Cache-Control: no-cache, no-transform`).

        **Stored.** Every completion can be retrieved by its id afterwards, without asking for it to be stored.

        Args:
            model: Slug of a chat model, from the list of models. At most 128 characters.
            messages: The conversation, oldest message first. 1 to 200 items.
            max_tokens: The most tokens to make. Left out, the model's `default_max_output_tokens` applies;
                above its `max_output_tokens_hard_cap` the request is a 400 `max_tokens_exceeds_hard_cap`.
                At least 1.
            temperature: Sampling temperature; lower is more predictable. 0 to 2.
            top_p: Nucleus sampling; the probability mass to draw from. 0 to 1.
            stream_options: Options of a stream; ignored when `stream` is false.
            tools: Functions the model may call (`api-reference/chat/tools`).
            tool_choice: Whether the model may, may not or must call a function; `auto` when `tools` are
                given.
            response_format: The form of the answer (`api-reference/chat/structured-output`).
            reasoning_effort: How much the model may reason before it answers; `minimal` suppresses
                reasoning, `medium` applies when left out. Ignored by models without the capability
                (`api-reference/chat/reasoning`). One of `minimal`, `low`, `medium`, `high`.
            seed: Asks for the same answer to the same request, where the model supports it.
            stop: Text at which to stop, up to 4 sequences of at most 200 characters each. It is not part of
                the answer.
            presence_penalty: Above zero, discourages tokens that have appeared at all. -2 to 2.
            frequency_penalty: Above zero, discourages tokens the more often they have appeared. -2 to 2.
            logprobs: Return the log probability of each token of the answer.
            top_logprobs: How many alternatives to return for each token. 0 to 20.
            vision_quality: Detail in which pictures are read, `xhigh` being about 2048 tokens each
                (`api-reference/chat/multimodal`).
            idempotency_key: Makes a retry safe: within 24 hours the same key and body get the first answer
                again, uncharged. Honoured only when `stream` is false. Up to 64 characters on the chat
                page, 1-256 on the global one (`api-reference/chat/idempotency`, `idempotency`). 1 to 256
                characters.
            extra_headers: Headers to send besides.
            extra_body: Members of the body that are not listed here.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.
            on_disconnect: What to do when the stream breaks off: raise, or go on with what the stored
                record has. By default, as the options of the client say.

        Errors by status:
            400: `missing_field`, `invalid_format`, `value_out_of_range`, `unknown_version`,
                `model_wrong_kind`, `max_tokens_exceeds_hard_cap`, `max_input_tokens_exceeded`,
                `tool_choice_required_unsupported`, `response_format_too_large`, `response_format_too_deep`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            402: `balance_too_low`
            403: `missing_scope`
            404: `resource_not_found`
            409: `idempotency_key_in_use`
            429: `too_many_requests`, `tpm_rate_limit_exceeded`, `concurrency_limit_exceeded`
            500: `internal_error`, `chat_provider_auth_failed`, `chat_provider_request_invalid`
            502: `chat_provider_unavailable`, `chat_provider_unknown_error`
            503: `provider_rate_limited`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/create-a-chat-completion
        """
        _body = merge_body(
            {
                "model": model,
                "messages": messages,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stream_options": stream_options,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": convert_class(response_format),
                "reasoning_effort": reasoning_effort,
                "seed": seed,
                "stop": stop,
                "presence_penalty": presence_penalty,
                "frequency_penalty": frequency_penalty,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
                "vision_quality": vision_quality,
                "stream": True,
            },
            extra_body,
            required=(
                "model",
                "messages",
            ),
        )
        _request = _with_options(
            _api.chat.create_chat_completion.build_request(
                body=_body, idempotency_key=UNSET if idempotency_key is None else idempotency_key
            ),
            extra_headers,
            timeout,
            on_disconnect,
        )
        return self._caller.stream(_api.chat.create_chat_completion.OPERATION, _request)

    def retrieve(
        self, id: str, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.ChatCompletion:
        """Retrieve a stored chat completion.

        Returns a completion as it was created, with what was actually charged. A streamed completion that still runs
        has `status: in_progress`. The id of another team is not told apart from an unknown one: both are 404.

        Args:
            id: The completion's id, `cmp_` and an opaque rest. Matches `^cmp_`.
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            404: `resource_not_found`, `forbidden_resource`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/retrieve-a-stored-chat-completion
        """
        _request = _with_options(_api.chat.retrieve_chat_completion.build_request(id), extra_headers, timeout)
        return self._caller.call(_api.chat.retrieve_chat_completion.OPERATION, _request).parsed

    def cancel(
        self, id: str, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.ChatCompletion:
        """Cancel a chat completion in flight.

        Stops a streamed completion. Only tokens already made are charged; the rest of the hold is released. Takes no
        body. A completion that has ended answers 409 `chat_cancel_target_already_terminal`; one that was not streamed,
        or is streamed by another instance, answers 409 `chat_cancel_target_not_cancellable`.
        (`api-reference/chat/cancellation` prints a record of another shape, with `created_at` and `cancelled_at`; the
        reference page says it is the ordinary completion, which stands here.)

        Args:
            id: The completion's id, `cmp_` and an opaque rest. Matches `^cmp_`.
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            404: `chat_cancel_target_not_found`
            409: `chat_cancel_target_already_terminal`, `chat_cancel_target_not_cancellable`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/cancel-an-in-flight-chat-completion
        """
        _request = _with_options(_api.chat.cancel_chat_completion.build_request(id), extra_headers, timeout)
        return self._caller.call(_api.chat.cancel_chat_completion.OPERATION, _request).parsed


class ChatResource(Generic[StreamT]):
    """Create, retrieve and cancel chat completions."""

    def __init__(self, caller: SyncStreamer[StreamT]) -> None:
        self._caller = caller

    @cached_property
    def completions(self) -> ChatCompletionsResource[StreamT]:
        """The methods of `chat.completions`."""
        return ChatCompletionsResource(self._caller)


class ModelsResource:
    """The catalogue of chat and embedding models, with their prices."""

    def __init__(self, caller: SyncCaller) -> None:
        self._caller = caller

    def list(
        self, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.ModelList:
        """List chat and embedding models.

        The catalogue with each model's rates, limits and capabilities. Takes no parameters and is not paged; an empty
        catalogue is an empty `data`, never a 404. Rates include what was agreed with the team.

        Args:
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/models/list-chat-and-embedding-models
        """
        _request = _with_options(_api.models.list_models.build_request(), extra_headers, timeout)
        return self._caller.call(_api.models.list_models.OPERATION, _request).parsed


class BalanceResource:
    """The credits of the team that owns the key."""

    def __init__(self, caller: SyncCaller) -> None:
        self._caller = caller

    def retrieve(
        self, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.Balance:
        """Retrieve the credit balance.

        The team's credits. `available_credits` is `credits` less `held_credits`; a request that needs more than is
        available answers 402 `balance_too_low`.

        Args:
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/public-api-v1/get-credit-balance
        """
        _request = _with_options(_api.balance.retrieve_balance.build_request(), extra_headers, timeout)
        return self._caller.call(_api.balance.retrieve_balance.OPERATION, _request).parsed


class Resources(Generic[StreamT]):
    """All operations, by resource."""

    _caller: SyncStreamer[StreamT]

    @cached_property
    def chat(self) -> ChatResource[StreamT]:
        """Create, retrieve and cancel chat completions."""
        return ChatResource(self._caller)

    @cached_property
    def models(self) -> ModelsResource:
        """The catalogue of chat and embedding models, with their prices."""
        return ModelsResource(self._caller)

    @cached_property
    def balance(self) -> BalanceResource:
        """The credits of the team that owns the key."""
        return BalanceResource(self._caller)


class AsyncChatCompletionsResource(Generic[StreamT]):
    """The methods of `chat.completions`."""

    def __init__(self, caller: AsyncStreamer[StreamT]) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        model: str,
        messages: Sequence[_models.ChatMessage | _models.ResponseMessage | Mapping[str, Any]],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stream: Literal[False] | None = None,
        stream_options: _models.StreamOptions | Mapping[str, Any] | None = None,
        tools: Sequence[_models.Tool | Mapping[str, Any]] | None = None,
        tool_choice: _models.ToolChoice | Mapping[str, Any] | None = None,
        response_format: _models.ResponseFormat | Mapping[str, Any] | type[Any] | None = None,
        reasoning_effort: _models.ReasoningEffort | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        vision_quality: str | None = None,
        idempotency_key: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | Timeouts | None = None,
    ) -> _models.ChatCompletion:
        """Create a chat completion.

        Answers a conversation with one completion, as one JSON document or, with `stream: true`, as server-sent events.

        **Receipt.** `usage.total_tokens` is prompt + completion + reasoning tokens, and `usage.credits_charged` is the
        sum of the credits in `usage.breakdown`, to four decimals. Rates follow the model's published rate card, whose
        version is `breakdown.pricing_version` (`api-reference/chat/pricing`, `guides/cost-transparency`). Before the
        work a hold is placed on the balance; afterwards it is replaced by the charge. A failed request costs nothing.

        **Idempotency** (`api-reference/chat/idempotency`, `idempotency`). With an `Idempotency-Key`, the successful
        answer of a non-streamed request is kept for 24 hours. The same key with the same body, compared as canonical
        JSON so that key order and white space do not matter, gets that answer again with `Aurous-Idempotent-Replayed:
        true` and is not charged. The same key with another body or on another route, or while the first request still
        runs, is a 409 `idempotency_key_in_use`. Answers of type `invalid_request` are not kept; after a 5xx the same
        key is safe to send again. Keys belong to the team. A first call carries no replay header.

        **Streams** (`api-reference/chat/streaming`). All frames carry the same `id`, `created` and `model`. The first
        delta carries the role; content follows; the last chunk carries an empty delta, the one `finish_reason` and,
        unless `stream_options.include_usage` is false, `usage`; then `data: [DONE]`, and nothing after it. While no
        content is ready a comment line (`: keep-alive`) arrives every 15 seconds. An idempotency key is ignored on a
        stream: the header `Aurous-Idempotency-Status: ignored_streaming` and a warning in the first `data:` line say
        so. A client that disconnects cancels the completion, and pays for the tokens made until then. Reasoning is
        never sent, only counted in `usage` (`api-reference/chat/reasoning`). The response is not to be cached or
        transformed (`Cache-Control: no-cache, no-transform`).

        **Stored.** Every completion can be retrieved by its id afterwards, without asking for it to be stored.

        Args:
            model: Slug of a chat model, from the list of models. At most 128 characters.
            messages: The conversation, oldest message first. 1 to 200 items.
            max_tokens: The most tokens to make. Left out, the model's `default_max_output_tokens` applies;
                above its `max_output_tokens_hard_cap` the request is a 400 `max_tokens_exceeds_hard_cap`.
                At least 1.
            temperature: Sampling temperature; lower is more predictable. 0 to 2.
            top_p: Nucleus sampling; the probability mass to draw from. 0 to 1.
            stream: Answer as server-sent events instead of one document. False when left out.
            stream_options: Options of a stream; ignored when `stream` is false.
            tools: Functions the model may call (`api-reference/chat/tools`).
            tool_choice: Whether the model may, may not or must call a function; `auto` when `tools` are
                given.
            response_format: The form of the answer (`api-reference/chat/structured-output`).
            reasoning_effort: How much the model may reason before it answers; `minimal` suppresses
                reasoning, `medium` applies when left out. Ignored by models without the capability
                (`api-reference/chat/reasoning`). One of `minimal`, `low`, `medium`, `high`.
            seed: Asks for the same answer to the same request, where the model supports it.
            stop: Text at which to stop, up to 4 sequences of at most 200 characters each. It is not part of
                the answer.
            presence_penalty: Above zero, discourages tokens that have appeared at all. -2 to 2.
            frequency_penalty: Above zero, discourages tokens the more often they have appeared. -2 to 2.
            logprobs: Return the log probability of each token of the answer.
            top_logprobs: How many alternatives to return for each token. 0 to 20.
            vision_quality: Detail in which pictures are read, `xhigh` being about 2048 tokens each
                (`api-reference/chat/multimodal`).
            idempotency_key: Makes a retry safe: within 24 hours the same key and body get the first answer
                again, uncharged. Honoured only when `stream` is false. Up to 64 characters on the chat
                page, 1-256 on the global one (`api-reference/chat/idempotency`, `idempotency`). 1 to 256
                characters.
            extra_headers: Headers to send besides.
            extra_body: Members of the body that are not listed here.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `missing_field`, `invalid_format`, `value_out_of_range`, `unknown_version`,
                `model_wrong_kind`, `max_tokens_exceeds_hard_cap`, `max_input_tokens_exceeded`,
                `tool_choice_required_unsupported`, `response_format_too_large`, `response_format_too_deep`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            402: `balance_too_low`
            403: `missing_scope`
            404: `resource_not_found`
            409: `idempotency_key_in_use`
            429: `too_many_requests`, `tpm_rate_limit_exceeded`, `concurrency_limit_exceeded`
            500: `internal_error`, `chat_provider_auth_failed`, `chat_provider_request_invalid`
            502: `chat_provider_unavailable`, `chat_provider_unknown_error`
            503: `provider_rate_limited`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/create-a-chat-completion
        """
        if stream:
            raise TypeError("create() returns one result; for a stream of events call stream()")
        _body = merge_body(
            {
                "model": model,
                "messages": messages,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stream": stream,
                "stream_options": stream_options,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": convert_class(response_format),
                "reasoning_effort": reasoning_effort,
                "seed": seed,
                "stop": stop,
                "presence_penalty": presence_penalty,
                "frequency_penalty": frequency_penalty,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
                "vision_quality": vision_quality,
            },
            extra_body,
            required=(
                "model",
                "messages",
            ),
        )
        _request = _with_options(
            _api.chat.create_chat_completion.build_request(
                body=_body, idempotency_key=UNSET if idempotency_key is None else idempotency_key
            ),
            extra_headers,
            timeout,
        )
        return (await self._caller.acall(_api.chat.create_chat_completion.OPERATION, _request)).parsed

    def stream(
        self,
        *,
        model: str,
        messages: Sequence[_models.ChatMessage | _models.ResponseMessage | Mapping[str, Any]],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stream_options: _models.StreamOptions | Mapping[str, Any] | None = None,
        tools: Sequence[_models.Tool | Mapping[str, Any]] | None = None,
        tool_choice: _models.ToolChoice | Mapping[str, Any] | None = None,
        response_format: _models.ResponseFormat | Mapping[str, Any] | type[Any] | None = None,
        reasoning_effort: _models.ReasoningEffort | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        vision_quality: str | None = None,
        idempotency_key: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | Timeouts | None = None,
        on_disconnect: Literal["raise", "recover"] | None = None,
    ) -> StreamT:
        """Create a chat completion.

        Opens a stream: a context manager over its events.

        Answers a conversation with one completion, as one JSON document or, with `stream: true`, as server-sent events.

        **Receipt.** `usage.total_tokens` is prompt + completion + reasoning tokens, and `usage.credits_charged` is the
        sum of the credits in `usage.breakdown`, to four decimals. Rates follow the model's published rate card, whose
        version is `breakdown.pricing_version` (`api-reference/chat/pricing`, `guides/cost-transparency`). Before the
        work a hold is placed on the balance; afterwards it is replaced by the charge. A failed request costs nothing.

        **Idempotency** (`api-reference/chat/idempotency`, `idempotency`). With an `Idempotency-Key`, the successful
        answer of a non-streamed request is kept for 24 hours. The same key with the same body, compared as canonical
        JSON so that key order and white space do not matter, gets that answer again with `Aurous-Idempotent-Replayed:
        true` and is not charged. The same key with another body or on another route, or while the first request still
        runs, is a 409 `idempotency_key_in_use`. Answers of type `invalid_request` are not kept; after a 5xx the same
        key is safe to send again. Keys belong to the team. A first call carries no replay header.

        **Streams** (`api-reference/chat/streaming`). All frames carry the same `id`, `created` and `model`. The first
        delta carries the role; content follows; the last chunk carries an empty delta, the one `finish_reason` and,
        unless `stream_options.include_usage` is false, `usage`; then `data: [DONE]`, and nothing after it. While no
        content is ready a comment line (`: keep-alive`) arrives every 15 seconds. An idempotency key is ignored on a
        stream: the header `Aurous-Idempotency-Status: ignored_streaming` and a warning in the first `data:` line say
        so. A client that disconnects cancels the completion, and pays for the tokens made until then. Reasoning is
        never sent, only counted in `usage` (`api-reference/chat/reasoning`). The response is not to be cached or
        transformed (`Cache-Control: no-cache, no-transform`).

        **Stored.** Every completion can be retrieved by its id afterwards, without asking for it to be stored.

        Args:
            model: Slug of a chat model, from the list of models. At most 128 characters.
            messages: The conversation, oldest message first. 1 to 200 items.
            max_tokens: The most tokens to make. Left out, the model's `default_max_output_tokens` applies;
                above its `max_output_tokens_hard_cap` the request is a 400 `max_tokens_exceeds_hard_cap`.
                At least 1.
            temperature: Sampling temperature; lower is more predictable. 0 to 2.
            top_p: Nucleus sampling; the probability mass to draw from. 0 to 1.
            stream_options: Options of a stream; ignored when `stream` is false.
            tools: Functions the model may call (`api-reference/chat/tools`).
            tool_choice: Whether the model may, may not or must call a function; `auto` when `tools` are
                given.
            response_format: The form of the answer (`api-reference/chat/structured-output`).
            reasoning_effort: How much the model may reason before it answers; `minimal` suppresses
                reasoning, `medium` applies when left out. Ignored by models without the capability
                (`api-reference/chat/reasoning`). One of `minimal`, `low`, `medium`, `high`.
            seed: Asks for the same answer to the same request, where the model supports it.
            stop: Text at which to stop, up to 4 sequences of at most 200 characters each. It is not part of
                the answer.
            presence_penalty: Above zero, discourages tokens that have appeared at all. -2 to 2.
            frequency_penalty: Above zero, discourages tokens the more often they have appeared. -2 to 2.
            logprobs: Return the log probability of each token of the answer.
            top_logprobs: How many alternatives to return for each token. 0 to 20.
            vision_quality: Detail in which pictures are read, `xhigh` being about 2048 tokens each
                (`api-reference/chat/multimodal`).
            idempotency_key: Makes a retry safe: within 24 hours the same key and body get the first answer
                again, uncharged. Honoured only when `stream` is false. Up to 64 characters on the chat
                page, 1-256 on the global one (`api-reference/chat/idempotency`, `idempotency`). 1 to 256
                characters.
            extra_headers: Headers to send besides.
            extra_body: Members of the body that are not listed here.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.
            on_disconnect: What to do when the stream breaks off: raise, or go on with what the stored
                record has. By default, as the options of the client say.

        Errors by status:
            400: `missing_field`, `invalid_format`, `value_out_of_range`, `unknown_version`,
                `model_wrong_kind`, `max_tokens_exceeds_hard_cap`, `max_input_tokens_exceeded`,
                `tool_choice_required_unsupported`, `response_format_too_large`, `response_format_too_deep`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            402: `balance_too_low`
            403: `missing_scope`
            404: `resource_not_found`
            409: `idempotency_key_in_use`
            429: `too_many_requests`, `tpm_rate_limit_exceeded`, `concurrency_limit_exceeded`
            500: `internal_error`, `chat_provider_auth_failed`, `chat_provider_request_invalid`
            502: `chat_provider_unavailable`, `chat_provider_unknown_error`
            503: `provider_rate_limited`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/create-a-chat-completion
        """
        _body = merge_body(
            {
                "model": model,
                "messages": messages,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stream_options": stream_options,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": convert_class(response_format),
                "reasoning_effort": reasoning_effort,
                "seed": seed,
                "stop": stop,
                "presence_penalty": presence_penalty,
                "frequency_penalty": frequency_penalty,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
                "vision_quality": vision_quality,
                "stream": True,
            },
            extra_body,
            required=(
                "model",
                "messages",
            ),
        )
        _request = _with_options(
            _api.chat.create_chat_completion.build_request(
                body=_body, idempotency_key=UNSET if idempotency_key is None else idempotency_key
            ),
            extra_headers,
            timeout,
            on_disconnect,
        )
        return self._caller.astream(_api.chat.create_chat_completion.OPERATION, _request)

    async def retrieve(
        self, id: str, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.ChatCompletion:
        """Retrieve a stored chat completion.

        Returns a completion as it was created, with what was actually charged. A streamed completion that still runs
        has `status: in_progress`. The id of another team is not told apart from an unknown one: both are 404.

        Args:
            id: The completion's id, `cmp_` and an opaque rest. Matches `^cmp_`.
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            404: `resource_not_found`, `forbidden_resource`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/retrieve-a-stored-chat-completion
        """
        _request = _with_options(_api.chat.retrieve_chat_completion.build_request(id), extra_headers, timeout)
        return (await self._caller.acall(_api.chat.retrieve_chat_completion.OPERATION, _request)).parsed

    async def cancel(
        self, id: str, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.ChatCompletion:
        """Cancel a chat completion in flight.

        Stops a streamed completion. Only tokens already made are charged; the rest of the hold is released. Takes no
        body. A completion that has ended answers 409 `chat_cancel_target_already_terminal`; one that was not streamed,
        or is streamed by another instance, answers 409 `chat_cancel_target_not_cancellable`.
        (`api-reference/chat/cancellation` prints a record of another shape, with `created_at` and `cancelled_at`; the
        reference page says it is the ordinary completion, which stands here.)

        Args:
            id: The completion's id, `cmp_` and an opaque rest. Matches `^cmp_`.
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            404: `chat_cancel_target_not_found`
            409: `chat_cancel_target_already_terminal`, `chat_cancel_target_not_cancellable`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/chat/cancel-an-in-flight-chat-completion
        """
        _request = _with_options(_api.chat.cancel_chat_completion.build_request(id), extra_headers, timeout)
        return (await self._caller.acall(_api.chat.cancel_chat_completion.OPERATION, _request)).parsed


class AsyncChatResource(Generic[StreamT]):
    """Create, retrieve and cancel chat completions."""

    def __init__(self, caller: AsyncStreamer[StreamT]) -> None:
        self._caller = caller

    @cached_property
    def completions(self) -> AsyncChatCompletionsResource[StreamT]:
        """The methods of `chat.completions`."""
        return AsyncChatCompletionsResource(self._caller)


class AsyncModelsResource:
    """The catalogue of chat and embedding models, with their prices."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def list(
        self, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.ModelList:
        """List chat and embedding models.

        The catalogue with each model's rates, limits and capabilities. Takes no parameters and is not paged; an empty
        catalogue is an empty `data`, never a 404. Rates include what was agreed with the team.

        Args:
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/models/list-chat-and-embedding-models
        """
        _request = _with_options(_api.models.list_models.build_request(), extra_headers, timeout)
        return (await self._caller.acall(_api.models.list_models.OPERATION, _request)).parsed


class AsyncBalanceResource:
    """The credits of the team that owns the key."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def retrieve(
        self, *, extra_headers: Mapping[str, str] | None = None, timeout: float | Timeouts | None = None
    ) -> _models.Balance:
        """Retrieve the credit balance.

        The team's credits. `available_credits` is `credits` less `held_credits`; a request that needs more than is
        available answers 402 `balance_too_low`.

        Args:
            extra_headers: Headers to send besides.
            timeout: Seconds for one attempt, or the timeouts of this call, in place of the client's.

        Errors by status:
            400: `unknown_version`, `invalid_format`
            401: `missing_api_key`, `invalid_api_key`, `revoked_api_key`
            403: `missing_scope`
            429: `too_many_requests`
            500: `internal_error`

        Documentation: https://docs.aurous-labs.com/api-reference/public-api-v1/get-credit-balance
        """
        _request = _with_options(_api.balance.retrieve_balance.build_request(), extra_headers, timeout)
        return (await self._caller.acall(_api.balance.retrieve_balance.OPERATION, _request)).parsed


class AsyncResources(Generic[StreamT]):
    """All operations, by resource."""

    _caller: AsyncStreamer[StreamT]

    @cached_property
    def chat(self) -> AsyncChatResource[StreamT]:
        """Create, retrieve and cancel chat completions."""
        return AsyncChatResource(self._caller)

    @cached_property
    def models(self) -> AsyncModelsResource:
        """The catalogue of chat and embedding models, with their prices."""
        return AsyncModelsResource(self._caller)

    @cached_property
    def balance(self) -> AsyncBalanceResource:
        """The credits of the team that owns the key."""
        return AsyncBalanceResource(self._caller)
