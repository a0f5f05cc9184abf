"""Faults of billing: receipts, charges, holds and the balance."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

from mutants.messages import BALANCE, Frame, Request, Response
from mutants.registry import Behaviour, Frames, Replacement, fault

PRICING = "api-reference/chat/pricing"
TRANSPARENCY = "guides/cost-transparency"
BALANCE_PAGE = "api-reference/public-api-v1/get-credit-balance"
CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
REASONING = "api-reference/chat/reasoning"
TOTAL = "total_tokens is prompt + completion + reasoning tokens."
SUM = "credits_charged is the sum of the credits in the breakdown."
FALLS = "The balance falls by exactly credits_charged."
FREE_FAILURE = "A failed request is not charged."


class Receipts(Behaviour, ABC):
    """Alters receipts in records and in streams alike, so that the two still agree."""

    @abstractmethod
    def alter(self, usage: dict[str, Any]) -> None:
        """Alter a receipt in place."""

    def response(self, request: Request, response: Response) -> None:
        if response.completion and response.completion.get("usage"):
            self.alter(response.completion["usage"])

    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.body.get("usage"):
            self.alter(frame.body["usage"])
        return None


@fault.behaviour("receipt.total_without_reasoning", TOTAL, PRICING)
class TotalWithoutReasoning(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]


@fault.behaviour("receipt.total_off_by_one", TOTAL, PRICING)
class TotalOffByOne(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["total_tokens"] += 1


@fault.behaviour("receipt.sum_without_reasoning", SUM, TRANSPARENCY)
class SumWithoutReasoning(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["credits_charged"] -= usage["breakdown"].get("reasoning_credits", 0)


@fault.behaviour("receipt.sum_off", SUM, TRANSPARENCY)
class SumOff(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["credits_charged"] += 0.001


@fault.behaviour("receipt.sum_rounded", SUM, TRANSPARENCY)
class SumRounded(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["credits_charged"] = round(usage["credits_charged"], 2)


@fault.behaviour("receipt.negative_credits", "No credits are negative.", TRANSPARENCY)
class NegativeCredits(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["breakdown"]["output_credits"] += 2 * usage["breakdown"]["input_credits"]
        usage["breakdown"]["input_credits"] *= -1


@fault.behaviour("receipt.negative_tokens", "No token count is negative.", PRICING)
class NegativeTokens(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["completion_tokens"] += usage["prompt_tokens"] + 1
        usage["prompt_tokens"] = -1


@fault.behaviour("receipt.other_model", "breakdown.model is the model that was used.", PRICING)
class OtherModel(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["breakdown"]["model"] = "gpt-4o"


@fault.behaviour("receipt.no_breakdown", "usage has a breakdown.", CREATE_PAGE)
class NoBreakdown(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        del usage["breakdown"]


@fault.behaviour("receipt.no_pricing_version", "breakdown has a pricing_version.", CREATE_PAGE)
class NoPricingVersion(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        del usage["breakdown"]["pricing_version"]


@fault.behaviour("receipt.pricing_version_text", "pricing_version is a number.", CREATE_PAGE)
class PricingVersionText(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["breakdown"]["pricing_version"] = "v7"


@fault.behaviour("receipt.no_charge", "usage has credits_charged.", CREATE_PAGE)
class NoCharge(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        del usage["credits_charged"]


@fault.behaviour("receipt.charge_text", "credits_charged is a number.", CREATE_PAGE)
class ChargeText(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["credits_charged"] = str(usage["credits_charged"])


@fault.behaviour("receipt.fractional_tokens", "Token counts are whole numbers.", CREATE_PAGE)
class FractionalTokens(Receipts):
    def alter(self, usage: dict[str, Any]) -> None:
        usage["prompt_tokens"] += 0.5
        usage["total_tokens"] += 0.5


@fault.behaviour("receipt.reasoning_at_minimal", "reasoning_effort minimal suppresses reasoning entirely.", REASONING)
class ReasoningAtMinimal(Behaviour):
    def request(self, request: Request) -> Replacement:
        if request.creates and request.body.get("reasoning_effort") == "minimal":
            request.body["reasoning_effort"] = "high"
        return None


class BalanceVariant(Behaviour):
    """Keeps accounts of its own, and adds them to the balances of the mock."""

    def __init__(self) -> None:
        self.owed: Counter[str] = Counter()
        self.held: Counter[str] = Counter()

    def response(self, request: Request, response: Response) -> None:
        if request.path == BALANCE and response.status == 200:
            owed, held = (account[request.credential] / 1e6 for account in (self.owed, self.held))
            response.body["credits"] = round(response.body["credits"] - owed, 6)
            response.body["held_credits"] = round(response.body["held_credits"] + held, 6)
            response.body["available_credits"] = round(response.body["credits"] - response.body["held_credits"], 6)
        else:
            self.book(request, response)

    def book(self, request: Request, response: Response) -> None:
        """Enter what an answer costs or refunds in addition to the charge of the mock."""

    def owe(self, request: Request, credits: float) -> None:
        self.owed[request.credential] += round(credits * 1e6)

    def hold(self, request: Request, credits: float) -> None:
        self.held[request.credential] += round(credits * 1e6)


def _price(response: Response) -> float:
    return float(response.body["usage"]["credits_charged"]) if response.completion else 0.0


@fault.behaviour("balance.never_charged", FALLS, PRICING)
class NeverCharged(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and not response.replayed:
            self.owe(request, -_price(response))


@fault.behaviour("balance.charged_twice", FALLS, PRICING)
class ChargedTwice(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and not response.replayed:
            self.owe(request, _price(response))


@fault.behaviour("balance.surcharge", FALLS, PRICING)
class Surcharge(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and not response.replayed:
            self.owe(request, _price(response) * 0.1)


@fault.behaviour("balance.reasoning_charged_apart", FALLS, PRICING)
class ReasoningChargedApart(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and response.completion and not response.replayed:
            self.owe(request, response.body["usage"]["breakdown"].get("reasoning_credits", 0))


@fault.behaviour("balance.replay_charged", "A replay is not charged.", "api-reference/chat/idempotency")
class ReplayCharged(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if response.replayed:
            self.owe(request, _price(response))


@fault.behaviour("balance.refusal_charged", FREE_FAILURE, PRICING)
class RefusalCharged(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and response.status == 400:
            self.owe(request, 0.01)


@fault.behaviour("balance.conflict_charged", "A 409 does no work.", "idempotency")
class ConflictCharged(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and response.status == 409:
            self.owe(request, 0.01)


@fault.behaviour("balance.retrieval_charged", FALLS, PRICING)
class RetrievalCharged(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.retrieves and response.completion:
            self.owe(request, 0.0005)


@fault.behaviour("balance.stream_free", FALLS, PRICING)
class StreamFree(BalanceVariant):
    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.body.get("usage"):
            self.owe(request, -frame.body["usage"]["credits_charged"])
        return None


@fault.behaviour("balance.stream_charged_twice", FALLS, PRICING)
class StreamChargedTwice(BalanceVariant):
    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.body.get("usage"):
            self.owe(request, frame.body["usage"]["credits_charged"])
        return None


@fault.behaviour("balance.hold_kept", "On completion the hold is replaced by the charge, the rest released.", PRICING)
class HoldKept(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and response.completion:
            self.hold(request, 0.25)


@fault.behaviour("balance.refused_hold_kept", "A failed request releases its hold.", PRICING)
class RefusedHoldKept(BalanceVariant):
    def book(self, request: Request, response: Response) -> None:
        if request.creates and response.status == 400:
            self.hold(request, 0.25)


@fault.behaviour("balance.stream_hold_kept", "On completion the hold is replaced by the charge.", PRICING)
class StreamHoldKept(BalanceVariant):
    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.is_done:
            self.hold(request, 0.25)
        return None


def _on_balance(name: str, sentence: str, member: str, value: Any) -> None:
    @fault.response(f"balance.{name}", sentence, BALANCE_PAGE)
    def alter(request: Request, response: Response) -> None:
        if request.path == BALANCE and response.status == 200:
            if value is None:
                del response.body[member]
            else:
                response.body[member] = value(response.body[member])


_on_balance("available_off", "available_credits is credits less held_credits.", "available_credits", lambda it: it + 1)
_on_balance("no_available", "available_credits is always there.", "available_credits", None)
_on_balance("no_held", "held_credits is always there.", "held_credits", None)
_on_balance("no_credits", "credits is always there.", "credits", None)
_on_balance("no_currency", "currency is always there.", "currency", None)
_on_balance("text", "credits is a number.", "credits", str)
