"""The third-party clients that are tested: what to install, and which driver uses it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """A client. package: the distribution whose version is recorded; driver: a file in `drivers`"""

    name: str
    package: str
    driver: str
    requirements: tuple[str, ...] = ()
    note: str = ""

    @property
    def is_javascript(self) -> bool:
        return self.driver.endswith(".mjs")

    @property
    def installed(self) -> tuple[str, ...]:
        """What is installed for it."""
        return self.requirements or (self.package,)


_ALL = (
    Client("OpenAI", "openai", "openai_sdk.py"),
    Client("OpenAI for JavaScript", "openai", "openai_sdk.mjs", ("openai", "zod")),
    Client("OpenAI Agents SDK", "openai-agents", "openai_agents_client.py"),
    Client("LangChain", "langchain-openai", "langchain_client.py"),
    Client("LlamaIndex", "llama-index-llms-openai-like", "llama_index_client.py"),
    Client("LiteLLM", "litellm", "litellm_client.py"),
    Client("Instructor", "instructor", "instructor_client.py"),
    Client("Pydantic AI", "pydantic-ai-slim", "pydantic_ai_client.py", ("pydantic-ai-slim[openai]",), "required"),
    Client("DSPy", "dspy", "dspy_client.py", (), "prose"),
    Client("Mirascope", "mirascope", "mirascope_client.py", ("mirascope[openai]",)),
    Client("Guidance", "guidance", "guidance_client.py", ("guidance", "openai")),
    Client("Outlines", "outlines", "outlines_client.py", ("outlines", "openai")),
    Client("Inspect", "inspect-ai", "inspect_ai_client.py", ("inspect-ai", "openai")),
    Client("AutoGen", "autogen-ext", "autogen_client.py", ("autogen-ext[openai]", "autogen-agentchat")),
    Client("smolagents", "smolagents", "smolagents_client.py", ("smolagents[openai]",), "required"),
    Client("Haystack", "haystack-ai", "haystack_client.py"),
    Client("Semantic Kernel", "semantic-kernel", "semantic_kernel_client.py"),
    Client("Agno", "agno", "agno_client.py", ("agno", "openai")),
    Client("Magentic", "magentic", "magentic_client.py", (), "required"),
    Client("aisuite", "aisuite", "aisuite_client.py", ("aisuite[openai]", "docstring_parser", "pydantic")),
    Client("any-llm", "any-llm-sdk", "any_llm_client.py", ("any-llm-sdk[openai]",)),
    Client("chatlas", "chatlas", "chatlas_client.py", ("chatlas", "openai")),
    Client("Strands Agents", "strands-agents", "strands_client.py", ("strands-agents[openai]",), "required"),
    Client("llm", "llm", "llm_client.py"),
)
CLIENTS = {client.name: client for client in _ALL}


def select(names: list[str]) -> list[Client]:
    """The clients of these names, in any case; all if there are none. Raises LookupError for a name that is unknown."""
    by_name = {name.lower(): client for name, client in CLIENTS.items()}
    unknown = [name for name in names if name.lower() not in by_name]
    if unknown:
        raise LookupError(f"no client is called {unknown[0]!r}; --list names them")
    return [by_name[name.lower()] for name in names] or [*CLIENTS.values()]
