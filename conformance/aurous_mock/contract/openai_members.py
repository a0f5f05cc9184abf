"""Members that OpenAI's clients send and no page of this API names, where to ignore them would change the answer."""

from collections.abc import Mapping
from typing import Any

from aurous_mock.errors import APIError

ALIAS = "max_completion_tokens"


def translate_openai_members(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body in the words of this API: `max_completion_tokens` as `max_tokens`, the smaller one where both are given.

    Raises APIError for more than one choice, since every completion has exactly one.
    """
    choices = body.get("n")
    if choices is not None and choices != 1:
        message = "n: every completion has exactly one choice; send one request for each."
        raise APIError("value_out_of_range", message, param="n")
    limit = body.get(ALIAS)
    if ALIAS not in body:
        return body
    translated = {name: value for name, value in body.items() if name != ALIAS}
    if limit is None:
        return translated
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit != int(limit):
        raise APIError("invalid_format", f"{ALIAS}: this is not a whole number.", param=ALIAS)
    if limit < 1:
        raise APIError("value_out_of_range", f"{ALIAS}: {limit} is less than the minimum of 1.", param=ALIAS)
    return {**translated, "max_tokens": min(int(limit), body.get("max_tokens") or int(limit))}
