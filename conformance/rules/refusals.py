"""Requests that are sent to be refused: which of them a server may accept, and how the rule ends if it does."""

from __future__ import annotations

from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange, request_body
from harness.violations import not_tested


def can_require_tools(api: ApiClient) -> bool:
    """Whether the model serves `tool_choice: required`; on a model without the capability it is a 400."""
    return "tool_choice_required" in (api.model_metadata.get("capabilities") or [])


def require_refusal(response: Exchange) -> None:
    """End the test as not tested if a request was accepted; whether it had to be refused is for other rules."""
    if 200 <= response.status < 300:
        question = {"model", "messages"}
        members = {name: value for name, value in request_body(response).items() if name not in question}
        not_tested(f"a request that was to be refused is accepted, with {members or 'the model and messages sent'}")
