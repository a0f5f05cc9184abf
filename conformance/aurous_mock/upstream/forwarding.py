"""Makes the body that is forwarded of a request: what the client asked for, in the words of the upstream server."""

from typing import Any, Final

from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.upstream.dialect import MAX_COMPLETION_TOKENS, MAX_TOKENS, Members

# Members of this API alone, and `n`: the contract knows one choice.
_NOT_FORWARDED: Final = frozenset({"vision_quality", "n", "model", "stream_options", MAX_TOKENS, MAX_COMPLETION_TOKENS})


def forwarded_body(request: ParsedRequest, model: str, members: Members) -> dict[str, Any]:
    """The body for the upstream server. model: its name for the model"""
    body = {name: value for name, value in request.body.items() if name not in _NOT_FORWARDED and value is not None}
    body["model"] = model
    if any(request.body.get(name) is not None for name in (MAX_TOKENS, MAX_COMPLETION_TOKENS)):
        body[members.limit(model)] = request.max_tokens
    if request.streamed and members.takes_stream_options(model):
        # Whatever the client asked for: the receipt needs the counts.
        body["stream_options"] = {"include_usage": True}
    return body
