"""Saved pages are parsed as they are printed, and each kind of difference is found, with line and pointer."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass
from pathlib import Path

import audit_docs
import pytest
from audit import acceptance, comparison, pages
from audit.facts import Difference
from release import archive
from specdiff import sources
from specdiff.sources import Source

# Pages of the first version with their accepted differences; independent of later changes to openapi.yaml.
PAGES = Path(__file__).resolve().parent / "pages"
ACCEPTED = PAGES / "accepted.yaml"
REQUEST = "#/components/schemas/ChatCompletionRequest/properties"
BALANCE = "#/components/schemas/Balance/properties"


@dataclass(frozen=True)
class Edit:
    """A change to a page, and the difference that it makes."""

    name: str
    page: str
    old: str
    new: str
    kind: str
    about: str
    pointer: str
    text: str


EDITS = [
    Edit("a member", "create", "seed\nnumber\n", "seed\nnumber\n\nnice\nboolean\n\nseed2\nnumber\n\n", "missing in the spec", "field", f"{REQUEST}/nice", "nice is not in the spec"),
    Edit("no member", "balance", "held_credits\nnumber\nrequired\n\nCredits that are held.\n\nExample:\n\n2\n", "", "missing in the page", "field", f"{BALANCE}/held_credits", "held_credits is not on the page"),
    Edit("a type", "create", "stream\nboolean\n", "stream\nstring\n", "different", "type", f"{REQUEST}/stream", "is string on the page, boolean in the spec"),
    Edit("required", "create", "seed\nnumber\n", "seed\nnumber\nrequired\n", "different", "required", f"{REQUEST}/seed", "is required on the page, optional in the spec"),
    Edit("optional", "create", "model\nstring\nrequired\n\nThe slug of a model.", "model\nstring\n\nThe slug of a model.", "different", "required", f"{REQUEST}/model", "is optional on the page, required in the spec"),
    Edit("a range", "create", "Required range: 0 <= x <= 20", "Required range: 0 <= x <= 10", "different", "maximum", f"{REQUEST}/top_logprobs/maximum", "maximum is 10 on the page, 20 in the spec"),
    Edit("an open range", "create", "Required range: x >= 1\n", "Required range: x > 1\n", "missing in the spec", "exclusiveMinimum", f"{REQUEST}/max_tokens/exclusiveMinimum", "exclusiveMinimum 1 is not in the spec"),
    Edit("no range", "create", "Required range: 0 <= x <= 2\n", "", "missing in the page", "maximum", f"{REQUEST}/temperature/maximum", "maximum 2 is not on the page"),
    Edit("a length", "create", "Maximum string length: 128", "Maximum string length: 64", "different", "maxLength", f"{REQUEST}/model/maxLength", "maxLength is 64 on the page, 128 in the spec"),
    Edit("a new length", "create", "For the same answer again.", "Required string length: 1 - 9", "missing in the spec", "maxLength", f"{REQUEST}/seed/maxLength", "maxLength 9 is not in the spec"),
    Edit("items", "create", "Required array length: 1 - 200 elements", "Required array length: 1 - 100 elements", "different", "maxItems", f"{REQUEST}/messages/maxItems", "maxItems is 100 on the page, 200 in the spec"),
    Edit("an option", "create", "medium,\nhigh\n", "medium,\nhigh,\nmost\n", "different", "enum", "#/components/schemas/ReasoningEffort/enum", "minimal, low, medium, high, most on the page"),
    Edit("options on one line", "create", "minimal,\nlow,\nmedium,\nhigh\n", "minimal, low, high\n", "different", "enum", "#/components/schemas/ReasoningEffort/enum", "enum is minimal, low, high on the page"),
    Edit("no options", "create", "Available options:\nminimal,\nlow,\nmedium,\nhigh\n", "", "missing in the page", "enum", "#/components/schemas/ReasoningEffort/enum", "enum minimal, low, medium, high is not on the page"),
    Edit("an open enum", "models", "chat,\nembedding\n", "chat,\nembedding,\nimage\n", "different", "enum", "#/components/schemas/ModelKind/enum", "enum is chat, embedding, image on the page"),
    Edit("a pattern", "balance", r"Pattern: ^\d{4}-\d{2}-\d{2}$", r"Pattern: ^\d{4}$", "different", "pattern", "#/components/parameters/AurousVersion/schema/pattern", r"pattern is ^\d{4}$ on the page"),
    Edit("a format", "balance", "billing_mode\nstring\n", "billing_mode\nstring<uri>\n", "missing in the spec", "format", f"{BALANCE}/billing_mode/format", "format uri is not in the spec"),
    Edit("a default", "create", "stream\nboolean\n", "stream\nboolean\ndefault:false\n", "missing in the spec", "default", f"{REQUEST}/stream/default", "default False is not in the spec"),
    Edit("an example", "balance", 'Example:\n\n"credit"', "Example:\n\n7", "invalid", "example", f"{BALANCE}/currency", "the example is not valid"),
    Edit("a header", "balance", "Headers\n", "Headers\n\nX-Trace\nstring\n", "missing in the spec", "field", "#/paths/~1v1~1balance/get/parameters/X-Trace", "X-Trace is not in the spec"),
    Edit("no header", "create", "Idempotency-Key\nstring\n\nMakes a retry safe.\n", "", "missing in the page", "field", "#/components/parameters/IdempotencyKey", "Idempotency-Key is not on the page"),
    Edit("a header of the sample", "balance", "'X-Api-Key: <api-key>'", "'X-Api-Key: <api-key>' \\\n  --header 'X-Team: a'", "missing in the spec", "header", "#/paths/~1v1~1balance/get/parameters", "the sample sends the header X-Team"),
    Edit("a credential", "balance", "X-Api-Key\nstring\n", "X-Token\nstring\n", "missing in the spec", "security", "#/paths/~1v1~1balance/get/security", "the credential header X-Token"),
    Edit("a path parameter", "retrieve", "id\nstring\nrequired\n\nWhich completion.", "id\nstring\nrequired\n\nWhich completion.\n\nteam\nstring\n", "missing in the spec", "field", "parameters/team", "Path Parameters: team is not in the spec"),
    Edit("a query", "models", "Response\n", "Query Parameters\n\nlimit\ninteger\n\nResponse\n", "missing in the spec", "field", "parameters/limit", "Query Parameters: limit is not in the spec"),
    Edit("a request sample", "create", '"temperature": 1,', '"temperature": 3,', "invalid", "sample", "requestBody/content/application~1json/schema", "temperature: 3 is greater than"),
    Edit("a response sample", "balance", '"credits": 12.5,', '"credits": "12.5",', "invalid", "sample", "responses/200/content/application~1json/schema", 'credits: "12.5" is not of type "number"'),
    Edit("a broken sample", "balance", '"credits": 12.5,', '"credits" 12.5,', "invalid", "sample", "#/paths/~1v1~1balance/get", "a sample is not JSON"),
    Edit("another status", "models", "200 - application/json", "202 - application/json", "missing in the spec", "status", "responses/202", "status 202 is not in the spec"),
    Edit("another media type", "models", "200 - application/json", "200 - text/csv", "different", "media type", "responses/200", "the page says text/csv"),
    Edit("no body", "create", "Body\napplication/json\n", "\n", "missing in the page", "body", "requestBody", "the page has no section Body"),
    Edit("a new body", "balance", "Response\n", "Body\napplication/json\n\nyear\nnumber\n\nResponse\n", "missing in the spec", "body", "requestBody", "the spec has no body of type application/json here"),
    Edit("a member of a member", "models", "data.kind\n", "data.owner\nstring\n\ndata.kind\n", "missing in the spec", "field", "#/components/schemas/Model/properties/owner", "Response, data: owner is not in the spec"),
    Edit("a moved operation", "models", "\nmodels\n", "\ncatalogue\n", "missing in the spec", "operation", "#/paths/~1v1~1catalogue/get", "the operation is not in the spec"),
    Edit("another method", "models", "\nGET\n", "\nPUT\n", "missing in the spec", "operation", "#/paths/~1v1~1models/put", "the operation is not in the spec"),
    Edit("a deprecated member", "create", "seed\nnumber\n", "seed\nnumber\ndeprecated\n", "missing in the spec", "deprecated", f"{REQUEST}/seed", "seed is deprecated on the page"),
    Edit("a deprecated operation", "balance", "curl --request", "Deprecated\n\ncurl --request", "missing in the spec", "deprecated", "#/paths/~1v1~1balance/get", "the operation is deprecated on the page"),
    Edit("a member of a request sample", "create", '"temperature": 1,', '"temperature": 1,\n  "warmth": 2,', "missing in the spec", "sample member", "requestBody/content/application~1json/schema", "the request sample has the member warmth"),
    Edit("a member of a nested sample", "create", '"completion_tokens": 20,', '"completion_tokens": 20,\n    "bonus_tokens": 3,', "missing in the spec", "sample member", "responses/200/content/application~1json/schema", "the response sample has the member usage.bonus_tokens"),
    Edit("another base URL", "balance", "https://api.aurous-labs.com", "https://api.eu.aurous-labs.com", "different", "base URL", "#/servers", "the sample calls https://api.eu.aurous-labs.com"),
    Edit("another base path", "balance", "aurous-labs.com/v1", "aurous-labs.com/api/v1", "different", "base URL", "#/servers", "the sample calls https://api.aurous-labs.com/api"),
    Edit("an error code in words", "create", "For the same answer again.", "Sent twice, it returns 409 seed_in_use.", "missing in the spec", "error code", "#/components/x-error-codes", "the error code seed_in_use (409)"),
    Edit("a second error code in words", "create", "For the same answer again.", "Else 400 invalid_format / seed_too_large.", "missing in the spec", "error code", "#/components/x-error-codes", "the error code seed_too_large (400)"),
    Edit("a status in words", "create", "For the same answer again.", "Sent twice, it returns 422 idempotency_key_in_use.", "different", "error code", "/idempotency_key_in_use/status", "has the status 422 on the page, 409 in the spec"),
    Edit("items in words", "create", "Required array length: 1 - 200 elements", "The conversation. 1-100 messages.", "different", "maxItems", f"{REQUEST}/messages/maxItems", "maxItems is 100 on the page, 200 in the spec"),
    Edit("characters in words", "create", "Maximum string length: 128", "Up to 64 characters.", "different", "maxLength", f"{REQUEST}/model/maxLength", "maxLength is 64 on the page, 128 in the spec"),
    Edit("a binary response", "models", "200 - application/json", "200 - image/png", "different", "media type", "responses/200", "the page says image/png"),
]  # fmt: skip  # A table is read by rows.
# ruff: noqa: E501


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return sources.read(str(archive.released(audit_docs.ROOT)[0].path), tmp_path_factory.mktemp("spec"))


def differences(spec: Source, path: Path) -> list[Difference]:
    return [*comparison.compare(pages.parse(path.name, path.read_text(encoding="utf-8")), spec)]


def open_differences(spec: Source, path: Path) -> list[Difference]:
    marked = acceptance.mark(differences(spec, path), acceptance.load(ACCEPTED))
    return [difference for difference in marked if not difference.reason]


@pytest.mark.parametrize("name", ["balance", "create", "models", "retrieve"])
def test_page_has_only_accepted_differences(spec: Source, name: str) -> None:
    assert open_differences(spec, PAGES / f"{name}.txt") == []


def test_null_that_only_clients_may_send_is_no_difference(spec: Source) -> None:
    written = {}
    for types in ("integer", ["integer", "null"]):
        either = copy(spec)
        either.document = deepcopy(spec.document)
        either.document["components"]["schemas"]["ChatCompletionRequest"]["properties"]["seed"] |= {"type": types}
        written[str(types)] = open_differences(either, PAGES / "create.txt")
    assert list(written.values()) == [[], []]


def test_matching_page_has_no_differences(spec: Source) -> None:
    assert differences(spec, PAGES / "models.txt") == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_difference_is_found(spec: Source, edit: Edit, tmp_path: Path) -> None:
    text = (PAGES / f"{edit.page}.txt").read_text(encoding="utf-8")
    assert text.count(edit.old), f"{edit.page}.txt no longer says {edit.old!r}"
    path = tmp_path / "edited.txt"
    path.write_text(text.replace(edit.old, edit.new, 1), encoding="utf-8")
    differences_of_page = open_differences(spec, path)
    kinds = [(difference.kind.value, difference.about) for difference in differences_of_page]
    assert (edit.kind, edit.about) in kinds
    difference = next(
        one
        for one in differences_of_page
        if (one.kind.value, one.about) == (edit.kind, edit.about) and edit.text in one.text
    )
    assert difference.pointer.endswith(edit.pointer)
    assert difference.operation == pages.parse("edited.txt", path.read_text(encoding="utf-8")).operation


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (edit, edit.new.splitlines()[0])
        for edit in EDITS
        if edit.about in ("maximum", "maxItems", "pattern") and edit.new
    ],
    ids=lambda value: value.name if isinstance(value, Edit) else "",
)
def test_difference_names_the_line_of_the_page(spec: Source, edit: Edit, line: str, tmp_path: Path) -> None:
    path = tmp_path / "edited.txt"
    path.write_text((PAGES / f"{edit.page}.txt").read_text().replace(edit.old, edit.new, 1))
    difference = next(one for one in open_differences(spec, path) if one.about == edit.about)
    assert path.read_text().splitlines()[difference.line - 1] == line


def test_invalid_sample_names_the_line_of_the_value(spec: Source, tmp_path: Path) -> None:
    path = tmp_path / "edited.txt"
    path.write_text((PAGES / "create.txt").read_text().replace('"temperature": 1,', '"temperature": 3,'))
    (difference,) = open_differences(spec, path)
    assert path.read_text().splitlines()[difference.line - 1].strip() == '"temperature": 3,'


def test_line_ends_and_joined_lines_make_no_difference() -> None:
    text = (PAGES / "balance.txt").read_text(encoding="utf-8")
    plain = pages.parse("page", text)
    crlf = pages.parse("page", text.replace("\n", "\r\n"))
    dense = pages.parse(
        "page",
        text.replace("header\nrequired\n", "headerrequired\n").replace("GET\n/\nv1\n/\nbalance", "GET\n/v1/balance"),
    )
    for other in (crlf, dense):
        assert other.operation == plain.operation == "GET /v1/balance"
        names = {title: [field.name for field in fields] for title, fields in other.sections.items()}
        assert names == {title: [field.name for field in fields] for title, fields in plain.sections.items()}
        assert other.sections["Authorizations"][0].required


def test_ranges_and_lengths_are_parsed_in_every_form() -> None:
    lines = [
        "GET",
        "/v1/x",
        "Body",
        "",
        "a",
        "number",
        "Required range: -2 < x < 2.5",
        "",
        "b",
        "string",
        "Minimum string length: 3",
        "c",
        "string[]",
        "Maximum array length: 4",
        "Required array length: 2 elements",
        "d",
        "integer",
        "Required range: x <= -1",
        "Examples:",
        "1",
    ]
    a, b, c, d = pages.parse("x", "\n".join(lines)).sections["Body"]
    facts = [{name: fact.value for name, fact in field.facts.items()} for field in (a, b, c, d)]
    assert facts == [
        {"exclusiveMinimum": -2, "exclusiveMaximum": 2.5},
        {"minLength": 3},
        {"maxItems": 2, "minItems": 2},
        {"maximum": -1},
    ]
    assert c.types == {"array"}
    assert [example.value for example in d.examples] == [1]


def edited(name: str, tmp_path: Path, **changes: str) -> Path:
    """A page with some texts replaced; for tests of two changes at once."""
    path = tmp_path / f"{name}.txt"
    path.write_text((PAGES / f"{name}.txt").read_text(encoding="utf-8"), encoding="utf-8")
    for old, new in changes.items():
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Required array length: 1 - 200 elements", "Ordered oldest first. 1-200 messages."),
        ("Required array length: 1 - 200 elements", "Between one and many: 1 to 200 entries."),
        ("Maximum string length: 128", "Maximum of 128 characters."),
        ("https://api.aurous-labs.com", "https://api.example.com"),
        ("For the same answer again.", "Else 400 invalid_format or 409 idempotency_key_in_use. In 2026 or 400 days."),
    ],
)
def test_matching_statement_in_words_is_no_difference(spec: Source, old: str, new: str, tmp_path: Path) -> None:
    assert open_differences(spec, edited("create", tmp_path, **{old: new})) == []


def test_union_printed_as_object_is_no_difference(spec: Source, tmp_path: Path) -> None:
    page = pages.parse("create", (PAGES / "create.txt").read_text(encoding="utf-8"))
    unions = [field for field in page.sections["Body"] if field.name in ("stop", "tool_choice")]
    path = tmp_path / "create.txt"
    lines = (PAGES / "create.txt").read_text(encoding="utf-8").splitlines()
    for field in unions:
        lines[field.line] = "object"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert open_differences(spec, path) == []
    lines[unions[0].line] = "boolean"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert [difference.about for difference in open_differences(spec, path)] == ["type"]


def test_response_is_compared_behind_a_changed_status(spec: Source, tmp_path: Path) -> None:
    changes = {"200 - application/json": "201 - application/json", "data.id\nstring\n": "data.id\nboolean\n"}
    differences_of_page = open_differences(spec, edited("models", tmp_path, **changes))
    assert {"status", "type"} <= {difference.about for difference in differences_of_page}
