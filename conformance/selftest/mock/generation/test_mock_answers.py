"""Answers: deterministic, cut as asked, and fitting the schemas they were asked to fit."""

import json
import random
from typing import Any

import jsonschema_rs
import pytest
from aurous_mock.errors import APIError
from aurous_mock.generation import logprobs, parsed_request, schema_faker, tokens
from aurous_mock.generation.answer import Answer, compose_answer
from mockkit import chat

NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
    "required": ["value", "next"],
    "additionalProperties": False,
}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "object"},
    {},
    {"type": "object", "properties": {"city": {"type": "string", "minLength": 1}}, "required": ["city"]},
    {"type": "object", "properties": {"deep": {"type": "object", "properties": {"n": {"type": "number"}}}}},
    {"type": "array", "items": {"enum": ["a", "b", 3]}, "minItems": 3},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2},
    {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "object", "required": ["x"]}]},
    {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "integer", "minimum": 5}}}]},
    {"type": "object", "properties": {"a": {"const": 1}}, "if": {"required": ["a"]}, "then": {"required": ["b"]}},
    {"type": ["string", "null"], "maxLength": 4},
    {"type": "string", "pattern": r"^\d{3}-[A-Z]{2,4}$"},
    {"type": "string", "format": "date-time"},
    {"type": "number", "exclusiveMinimum": 2, "maximum": 4},
    {"type": "integer", "multipleOf": 7, "minimum": 50},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    {"const": True},
    {"const": [1, {"a": None}]},
    {"type": "object", "properties": {"$provider": {"type": "string"}, "path": {}, "name": {}}},
    {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
    {"type": "object", "properties": {"mood": {"$ref": "#/$defs/M"}}, "$defs": {"M": {"enum": ["calm"]}}},
    {"allOf": [{"type": "object", "additionalProperties": {"type": "integer"}}, {"properties": {"a": {"minimum": 7}}}]},
    {
        "allOf": [
            {"oneOf": [{"type": "integer"}, {"type": "string"}]},
            {"oneOf": [{"type": "string"}, {"type": "null"}]},
        ]
    },
    {
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "type": "object",
        "properties": {"a": {}, "b": {"type": "null"}},
    },
    {"anyOf": [{"type": "null"}, {"type": "object", "required": ["x"], "additionalProperties": False}]},
    {"not": {"type": "string"}},
    {"enum": ["a", 1, None], "type": ["integer", "null"]},
    {"type": "array", "contains": {"const": "x"}, "items": {"type": "string"}},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
    {"type": "integer", "exclusiveMaximum": -5},
    {"type": "integer", "multipleOf": 0.5, "minimum": 3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "number", "minimum": 3, "maximum": 3},
    {"type": "number", "multipleOf": 0.1, "minimum": 0.25, "maximum": 1},
    {"type": "object", "dependentRequired": {"a": ["b"]}, "properties": {"a": {}, "b": {"type": "integer"}}},
    {"type": "object", "dependentSchemas": {"a": {"required": ["c"]}}, "properties": {"a": {"type": "integer"}}},
    {"type": "object", "maxProperties": 1, "properties": {"a": True, "b": True}, "required": ["b"]},
    {
        "type": "object",
        "patternProperties": {"^x_": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    {"type": "object", "propertyNames": {"pattern": "^[A-Z]{3}$"}, "minProperties": 2},
    {"type": "string", "pattern": "^(?=.*[0-9]).{4,8}$"},
    {"type": "string", "pattern": "^[a-z]+@[a-z]+[.]com$", "minLength": 20},
    {"type": "string", "pattern": "foo", "minLength": 20, "maxLength": 30},
]
HOPELESS: list[dict[str, Any]] = [
    {"type": "nothing"},
    {"$ref": "https://example.com/schema.json"},
    {"$ref": "#/$defs/Absent"},
    {"not": {}},
    {"enum": []},
    {"type": "array", "minItems": 10**9},
    {"type": "string", "minLength": 10**9},
    {"type": "string", "pattern": "((((a*)*)*)*){999}"},
    {"type": "object", "required": ["a"], "properties": {"a": False}},
    {"type": "string", "pattern": r"^\p{L}(?<!a)\p{N}$"},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"type": "integer", "minimum": 1e30},
    {"allOf": [{"type": "string"}, {"type": "integer"}]},
]


def answer(seed: int = 0, **fields: Any) -> Answer:
    return compose_answer(parsed_request.read(chat(**fields)), seed)


def text(**fields: Any) -> str:
    return "".join(answer(**fields).content)


def test_same_request_gets_the_same_answer() -> None:
    assert answer() == answer()


@pytest.mark.parametrize("fields", [{"seed": 1}, {"text": "Something else entirely"}, {"temperature": 0.1}])
def test_different_request_gets_a_different_answer(fields: dict[str, Any]) -> None:
    assert answer(**fields).content != answer().content


def test_different_server_seed_gives_a_different_answer() -> None:
    assert answer(1).content != answer(2).content


def test_streaming_does_not_change_the_answer() -> None:
    assert answer(stream=True, stream_options={"include_usage": False}).content == answer().content


def test_answers_are_sentences() -> None:
    sentences = text(text="Write 60 words.").split(". ")
    assert len(sentences) > 2
    assert all(sentence[0].isupper() for sentence in sentences)


def test_answer_has_the_requested_number_of_words() -> None:
    assert len(text(text="Write exactly 200 words about rain.").split()) == 200


def test_tokens_join_to_the_text() -> None:
    for sample in ("Hello, world!", "  leading\n\tand tabs ", "naïve 漢字 🧪 __init__ 1234567890", '{"a":[1,2]}'):
        assert "".join(tokens.split(sample)) == sample


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_max_tokens_truncates_the_answer(limit: int) -> None:
    cut = answer(max_tokens=limit)
    assert cut.content == answer().content[:limit]
    assert cut.end.finish_reason == "length"


def test_answer_stops_before_the_first_stop_sequence() -> None:
    whole = text()
    first, second = whole[20:24], whole[40:44]
    assert text(stop=[second, first]) == whole[: whole.index(first)]
    assert text(stop=first) == whole[: whole.index(first)]
    assert answer(stop=first).end.finish_reason == "stop"


def test_empty_stop_sequence_stops_nothing() -> None:
    assert text(stop="") == text()


@pytest.mark.parametrize(("effort", "most"), [("minimal", 0), ("low", 32), ("medium", 96), ("high", 1536)])
def test_reasoning_tokens_follow_the_effort(effort: str, most: int) -> None:
    assert most // 2 <= answer(reasoning_effort=effort).end.reasoning_tokens <= most


def test_logprobs_are_probabilities_in_descending_order() -> None:
    made = answer(logprobs=True, top_logprobs=5)
    assert [entry["token"] for entry in made.logprobs] == list(made.content)
    for entry in made.logprobs:
        ranked = [rival["logprob"] for rival in entry["top_logprobs"]]
        assert len(ranked) == 5
        assert ranked == sorted(ranked, reverse=True)
        assert ranked[0] == entry["logprob"] <= 0
        assert bytes(entry["bytes"]).decode() == entry["token"]


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_generated_values_fit_their_schema(schema: dict[str, Any]) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema)
    for seed in range(20):
        value = schema_faker.fake_value(schema, random.Random(seed))
        assert validator.is_valid(value), value
        assert value == schema_faker.fake_value(schema, random.Random(seed))


@pytest.mark.parametrize("schema", HOPELESS, ids=json.dumps)
def test_unsatisfiable_schemas_are_given_up_soon(schema: dict[str, Any]) -> None:
    with pytest.raises(schema_faker.Unsatisfiable):
        schema_faker.fake_value(schema, random.Random(0))


def test_exponential_schema_is_given_up() -> None:
    levels = {f"L{n}": {"type": "array", "items": {"$ref": f"#/$defs/L{n + 1}"}, "minItems": 9} for n in range(30)}
    with pytest.raises(schema_faker.Unsatisfiable):
        schema_faker.fake_value({"$ref": "#/$defs/L0", "$defs": {**levels, "L30": {"type": "null"}}}, random.Random(0))


def test_fake_values_leave_the_global_random_state_alone() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    schema_faker.fake_value({"type": "number", "minimum": 3, "maximum": 900}, random.Random(77))
    assert random.random() == expected


def test_nested_alternatives_are_given_up_within_their_budget() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(12):
        schema = {"allOf": [{"oneOf": [schema, {"type": "string"}]}, {"oneOf": [{"type": "null"}, schema]}]}
    with pytest.raises(schema_faker.Unsatisfiable, match="willing to make"):
        schema_faker.fake_value(schema, random.Random(0))


def tool(name: str, **parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or {"type": "object"}}}


WEATHER = tool("get_weather", type="object", properties={"city": {"type": "string"}}, required=["city"])
TIME = tool("tell_time")


def test_tool_that_matches_the_question_is_called() -> None:
    made = answer(text="Please tell me the time", tools=[WEATHER, TIME])
    assert [call.name for call in made.calls] == ["tell_time"]
    assert made.end.finish_reason == "tool_calls"
    assert made.content == ()


def test_forced_tool_is_called_with_valid_arguments() -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    call = answer(tools=[TIME, WEATHER], tool_choice=choice).calls[0]
    assert set(json.loads(call.arguments)) == {"city"}


def test_no_tool_is_called_when_forbidden_or_after_its_result() -> None:
    assert answer(tools=[WEATHER], tool_choice="none").calls == ()
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
    ]
    assert compose_answer(parsed_request.read({**chat(tools=[WEATHER]), "messages": messages}), 0).content


def test_tool_arguments_count_against_max_tokens() -> None:
    made = answer(tools=[WEATHER], max_tokens=2)
    assert made.end.finish_reason == "length"
    assert made.length == 2


@pytest.mark.parametrize("schema", [schema for schema in SCHEMAS if schema], ids=json.dumps)
def test_structured_answer_fits_its_schema(schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "it", "strict": True, "schema": schema}}
    assert jsonschema_rs.is_valid(schema, json.loads(text(response_format=wanted)))


def test_json_object_answer_is_an_object() -> None:
    assert isinstance(json.loads(text(response_format={"type": "json_object"})), dict)


def test_unsatisfiable_response_format_is_refused() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "it", "schema": {"not": {}}}}
    with pytest.raises(APIError) as refused:
        answer(response_format=wanted)
    assert (refused.value.code, refused.value.param) == ("invalid_format", "response_format.json_schema.schema")


def test_alternatives_are_as_many_as_were_asked_for() -> None:
    for count in (0, 1, 20, 40):
        for entry in logprobs.entries(["On", " the", " 2"], count, seed=1):
            listed = [each["token"] for each in entry["top_logprobs"]]
            assert len(listed) == len(set(listed)) == count
