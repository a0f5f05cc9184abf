"""The generated package loads a module when something of it is asked for, and looks as if it had loaded all."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import pydoc
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import aurous_client
import pytest
import regenerate
import small_specs
from aurous_client import api, models, resources
from small_specs import ref

PROGRAM = Path(__file__).parent / "programs" / "load_in_threads.py"
# Two models that refer to one another.
TREE = {
    "Tree": {"oneOf": [ref("Node"), ref("Leaf")]},
    **{
        name: {
            "type": "object",
            "required": ["kind"],
            "properties": {
                "kind": {"type": "string", "const": name.lower(), "default": name.lower()},
                "left": ref("Tree"),
            },
        }
        for name in ("Node", "Leaf")
    },
}


def loaded_by(program: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a program; those of the package without its name."""
    script = f"import json, sys\n{program}\nprint(json.dumps(list(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return {name.removeprefix("aurous_client.") for name in json.loads(output)}


def test_import_loads_neither_models_nor_httpx() -> None:
    loaded = loaded_by("import aurous_client")
    assert {"lazy", "types"} <= loaded
    assert not {"models", "api", "client", "resources", "httpx"} & loaded
    assert {"client", "httpx"} <= loaded_by("from aurous_client import Client")


def test_methods_load_models_and_operations_when_called() -> None:
    loaded = loaded_by("from aurous_client import resources")
    assert not {name for name in loaded if name.startswith(("models.", "api.", "client", "operations"))}


def test_operation_loads_only_the_models_of_its_response() -> None:
    loaded = loaded_by("from aurous_client.api.balance import retrieve_balance")
    assert "models.balance" in loaded
    assert not {"models.chat_completion", "models.model", "models.aliases"} & loaded
    loaded = loaded_by("from aurous_client.api.chat import create_chat_completion")
    assert {"models.chat_completion", "models.chat_completion_chunk"} <= loaded
    assert not {"models.chat_completion_request", "models.model", "models.balance"} & loaded


@pytest.mark.parametrize("package", [aurous_client, models, api, api.balance, api.chat, api.models])
def test_dir_lists_all_exports(package: Any) -> None:
    assert set(package.__all__) <= set(dir(package))
    assert dir(package) == sorted(set(dir(package)))
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name)
    name = package.__name__
    loaded_by(f"from {name} import *; assert set(sys.modules[{name!r}].__all__) <= set(globals())")
    with pytest.raises(AttributeError, match=rf"module '{package.__name__}' has no attribute 'Typo'"):
        _ = package.Typo


def test_help_lists_models() -> None:
    assert "class ChatCompletion(" in pydoc.plain(pydoc.render_doc(models.ChatCompletion))
    assert "ChatCompletion" in pydoc.plain(pydoc.render_doc(models))


def test_annotations_of_methods_can_be_evaluated() -> None:
    for kind in (resources.ChatCompletionsResource, resources.AsyncChatCompletionsResource):
        hints = typing.get_type_hints(kind.create)
        assert hints["return"] is models.ChatCompletion
        assert hints["reasoning_effort"] == models.ReasoningEffort | None
        evaluated = inspect.signature(kind.create, eval_str=True)
        assert models.StreamOptions in typing.get_args(evaluated.parameters["stream_options"].annotation)
    hints = typing.get_type_hints(api.chat.create_chat_completion.sync)
    assert hints["return"] is models.ChatCompletion


@pytest.mark.parametrize("program", ["", "import aurous_client", "from aurous_client.models import Usage"])
def test_pickle_loads_in_a_fresh_process(program: str) -> None:
    message = models.UserMessage(content=[models.TextPart(text="hi")])
    again = f"{program}\nimport pickle; print(pickle.loads({pickle.dumps(message)!r}))"
    output = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=True).stdout
    assert output == f"{message}\n"
    assert copy.deepcopy(message) == message


@pytest.mark.slow
def test_circular_models_load_from_many_threads(tmp_path: Path) -> None:
    document = small_specs.document()
    document["components"]["schemas"] |= TREE
    spec = small_specs.write(tmp_path / "tree.yaml", document)
    assert regenerate.generate(spec, tmp_path / "aurous_client")
    environment = {"PYTHONPATH": str(tmp_path)}
    for _ in range(3):
        completed = subprocess.run([sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True)
        assert (completed.stdout, completed.stderr) == ("", "")
