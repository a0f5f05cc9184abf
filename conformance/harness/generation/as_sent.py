"""Whether a request is valid as it was sent.

Schemathesis makes values invalid before they become text, and some texts are valid again: `false`, in place of a list,
is sent as a list of one text, and an empty object is not sent at all. It knows such cases only one at a time.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aurous_mock.contract import operations
from aurous_mock.contract.document import Document
from aurous_mock.contract.operations import JSON, RequestBody
from aurous_mock.contract.parameters import check_parameters, read_fields
from aurous_mock.contract.validation import check
from aurous_mock.errors import APIError

from harness import contract
from harness.client.exchange import Exchange


def is_valid_as_sent(exchange: Exchange) -> bool:
    """Whether the contract allows the parameters and the body of a request, as a server reads them."""
    query = urlsplit(exchange.url).query
    headers = {name.lower(): value for name, value in exchange.sent_headers.items()}
    for operation in operations.read(Document(contract.document()), ()):
        path = operation.match(exchange.method, exchange.path)
        if path is not None:
            try:
                check_parameters(operation, path, read_fields(query), headers)
                return operation.body is None or _is_allowed(operation.body, exchange, headers.get("content-type", ""))
            except APIError:
                return False
    return False


def _is_allowed(body: RequestBody, exchange: Exchange, content_type: str) -> bool:
    """Whether the contract allows the body. Raises APIError if it is JSON, and is not allowed.

    In forms, numbers and lists are text too, and of bytes the contract says nothing: these are allowed.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in body.content:
        return not body.required and not exchange.sent
    if media_type == JSON or media_type.endswith("+json"):
        check(body.content[media_type], exchange.request_json)
    return True
