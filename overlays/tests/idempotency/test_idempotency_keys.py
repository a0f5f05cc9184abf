"""Idempotency keys: made, kept, derived, refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from aurous import EncodeError, idempotency_key
from aurous._request.idempotency import check_key, is_idempotent, key_for, new_key, refuse_hidden_stream
from aurous_client.api.chat import cancel_chat_completion, create_chat_completion
from aurous_client.files import to_multipart
from hypothesis import given
from hypothesis import strategies as st

CREATE, CANCEL = create_chat_completion.OPERATION, cancel_chat_completion.OPERATION
parts = st.lists(st.none() | st.booleans() | st.integers() | st.text(), min_size=1, max_size=4)


def test_derived_keys_are_equal_in_every_process() -> None:
    # Changing these would charge twice for jobs that are restarted with a newer version of this package.
    assert idempotency_key("order-123") == "79a39087-bb0b-546d-85ea-0a4c2b6088e1"
    script = "import aurous; print(aurous.idempotency_key('order-123', 7, None, True, 'é\\U0001f9ea'))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert keys == {idempotency_key("order-123", 7, None, True, "é\U0001f9ea")}


@given(parts, parts)
def test_derived_keys_differ_if_their_parts_differ(one: list[Any], other: list[Any]) -> None:
    assert check_key(idempotency_key(*one)) == idempotency_key(*one)
    same = list(map(repr, one)) == list(map(repr, other))
    assert (idempotency_key(*one) == idempotency_key(*other)) == same


@pytest.mark.parametrize("arguments", [(), (1.5,), (b"x",), (["a"],), ({"a": 1},), ("a", object())])
def test_key_parts_without_canonical_spelling_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        idempotency_key(*arguments)


def test_new_keys_are_unique() -> None:
    assert len({new_key() for _ in range(1000)}) == 1000
    assert len(check_key(new_key())) == 36


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=256))
def test_printable_keys_are_sent_unchanged(key: str) -> None:
    if key.strip():
        assert check_key(key) == key
        assert key_for(CREATE, {"idempotency-KEY": key}, streams=False) == key


@given(st.text(max_size=300))
def test_unprintable_or_overlong_keys_are_refused(key: str) -> None:
    fits = 0 < len(key) <= 256 and key.isascii() and key.isprintable() and bool(key.strip())
    if not fits:
        with pytest.raises(EncodeError):
            check_key(key)


def test_operations_with_key_parameter_get_a_key() -> None:
    assert key_for(CREATE, {}, streams=False)
    assert key_for(CREATE, {}, streams=True) is None
    assert key_for(CANCEL, {}, streams=False) is None
    with pytest.raises(EncodeError):
        key_for(CREATE, {"Idempotency-Key": "mine"}, streams=True)


@pytest.mark.parametrize(
    ("method", "repeatable", "key", "expected"),
    [
        ("GET", None, None, True),
        ("PUT", None, None, True),
        ("DELETE", None, None, True),
        ("PATCH", None, None, False),
        ("POST", None, None, False),
        ("POST", None, "key", True),
        ("POST", True, None, True),
        ("DELETE", False, None, False),
    ],
)
def test_spec_method_or_key_makes_a_call_repeatable(
    method: str, repeatable: bool | None, key: str | None, expected: bool
) -> None:
    operation = replace(CANCEL, method=method, repeatable_without_key=repeatable)
    assert is_idempotent(operation, key) is expected


@pytest.mark.parametrize("body", [b'{"stream":true}', b'{"a":1, "stream" : true}'])
def test_stream_flag_in_any_body_is_detected(body: bytes) -> None:
    with pytest.raises(EncodeError):
        refuse_hidden_stream(CREATE, body)


@pytest.mark.parametrize("body", [None, b"{}", b'{"stream":false}', b'{"tools":[{"stream":true}]}', b'["stream"]'])
def test_bodies_without_stream_flag_are_not_refused(body: bytes | None) -> None:
    refuse_hidden_stream(CREATE, body)
    refuse_hidden_stream(CANCEL, b'{"stream":true}')


def test_file_in_which_a_stream_is_named_is_no_hidden_stream() -> None:
    content, _ = to_multipart({"file": b'{"stream": true} \xff'}, {"file"})
    refuse_hidden_stream(CREATE, content)
