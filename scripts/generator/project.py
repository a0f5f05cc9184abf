"""Renders the files of the generated package from `templates/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.strings import PythonIdentifier

from . import docstrings, names, operations, output_tree, resource_classes
from .lint import ERROR_CODE_FACTS
from .models import Models
from .spec import Spec, SpecError, component_name

HERE = Path(__file__).parent
# Written as they stand, but for a few words of the spec.
_RUNTIME = ("lazy", "types", "operations", "paging", "parsing", "encoding", "decoding", "files", "errors", "client")


@names.identifier_rules()
def build(spec: Spec, package_dir: Path) -> None:
    """Write the package of a spec into a folder that does not exist yet. Raises SpecError with all that was lost."""
    config = Config.from_sources(
        ConfigFile.load_from_path(HERE / "config.yaml"), MetaType.NONE, spec.source, "utf-8", False, package_dir
    )
    ClientProject(spec, _parse(spec, config), config).build()


def _parse(spec: Spec, config: Config) -> GeneratorData:
    try:
        parsed = GeneratorData.from_dict(spec.for_parser, config=config)
    except Exception as error:  # It is known to crash on specs that are valid.
        raise SpecError([f"{spec.source.name}: openapi-python-client: {type(error).__name__}: {error}"]) from error
    if isinstance(parsed, GeneratorError):
        raise SpecError([_describe(spec, parsed)])
    lost = [*parsed.errors, *(e for tag in parsed.endpoint_collections_by_tag.values() for e in tag.parse_errors)]
    if lost:
        raise SpecError([_describe(spec, error) for error in lost])
    return parsed


class ClientProject(Project):
    """openapi-python-client's project with our templates, and with the files that it does not know of."""

    def __init__(self, spec: Spec, parsed: GeneratorData, config: Config) -> None:
        super().__init__(openapi=parsed, config=config, custom_template_path=HERE / "templates")
        self.spec = spec
        self.models = Models(spec, parsed, config)
        self.operations = list(operations.collect(spec, parsed, self.models))

    def build(self) -> Sequence[GeneratorError]:
        self.package_dir.mkdir(parents=True)
        (self.package_dir / "py.typed").touch()
        shared = self._shared()
        self._write("__init__.py", "package_init.py.jinja", **shared)
        for module in _RUNTIME:
            self._write(f"{module}.py", f"{module}.py.jinja", **shared)
        self._write("error_codes.py", "error_codes.py.jinja", codes=self._error_codes())
        self._build_models()
        self._build_api()
        self._write(
            "resources.py", "resources.py.jinja", **resource_classes.context(self.spec, self.models, self.operations)
        )
        return []

    def _build_models(self) -> None:
        for name, model in self.models.classes.items():
            self._write(f"models/{model.class_info.module_name}.py", "model.py.jinja", **self.models.model(name))
        for name, enum in self.models.enums.items():
            self._write(f"models/{enum.class_info.module_name}.py", "literal_enum.py.jinja", **self.models.enum(name))
        self._write("models/aliases.py", "aliases.py.jinja", **self.models.alias_module())
        self._write("models/__init__.py", "models_init.py.jinja", modules=self.models.modules())

    def _build_api(self) -> None:
        used = sorted({operation.tag for operation in self.operations})
        about = docstrings.docstring("The operations of the API, one module for each, by tag.")
        self._write("api/__init__.py", "modules_init.py.jinja", doc=about, modules=used, root="..")
        tags = self.spec.document.get("tags", ())
        described = {str(PythonIdentifier(tag["name"], "tag")): tag.get("description") for tag in tags}
        for tag in used:
            doc = docstrings.docstring(docstrings.sentence(str(described.get(tag) or f"Operations tagged {tag}")))
            modules = sorted(operation.module for operation in self.operations if operation.tag == tag)
            self._write(f"api/{tag}/__init__.py", "modules_init.py.jinja", doc=doc, modules=modules, root="...")
        for operation in self.operations:
            context = operations.context(operation, self.models)
            self._write(f"api/{operation.tag}/{operation.module}.py", "endpoint_module.py.jinja", **context)

    def _write(self, file: str, template: str, /, **context: Any) -> None:
        target = self.package_dir / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.env.get_template(template).render(**context), encoding="utf-8", newline="\n")

    def _shared(self) -> dict[str, Any]:
        document = self.spec.document
        servers = document.get("servers") or [{"url": ""}]
        schemes = document.get("components", {}).get("securitySchemes", {}).values()
        return {
            "title": docstrings.docstring(f"{document['info']['title']}: the generated client.")[0],
            "mark": output_tree.MARK,
            "version": repr(str(document["info"]["version"])),
            "server": repr(str(servers[0]["url"])),
            "api_key_header": docstrings.safe(
                next((s["name"] for s in schemes if s.get("type") == "apiKey"), "X-Api-Key")
            ),
            "envelope": self._envelope(),
        }

    def _envelope(self) -> str | None:
        """The component that is the body of every error response, if there is one."""
        components: set[str] = set()
        for _, operation in self.spec.operations():
            for status, response in operation["responses"].items():
                if str(status)[0] in "45":
                    content = self.spec.follow(response).get("content", {}).get("application/json", {})
                    components |= {component_name(content["schema"]["$ref"])} if "schema" in content else set()
        return components.pop() if components else None

    def _error_codes(self) -> list[dict[str, str]]:
        return [
            {"name": repr(code), **{key: repr(_fact(key, info[key])) for key in ERROR_CODE_FACTS}}
            for code, info in self.spec.error_codes.items()
        ]


def _fact(key: str, value: Any) -> bool | str:
    return bool(value) if key == "retryable" else str(value)


def _describe(spec: Spec, error: GeneratorError) -> str:
    data = getattr(error, "data", None)
    about = f" ({str(data)[:200]})" if data is not None and not error.detail else ""
    # It prints some names as objects.
    message = re.sub(
        r"<[^<>]*UntrustedString object[^<>]*>", "...", f"{error.header or 'dropped'}: {error.detail or ''}{about}"
    )
    message = " ".join(message.split())
    return f"{spec.source.name}: openapi-python-client: {message}"
