#!/usr/bin/env python3
"""Shows the project at work: the mock server, a typed completion, a stream, and the conformance suite.

    python3 scripts/run.py [options of `pytest conformance`]

Needs nothing but Python and pip; installs into .venv the first time.
"""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, enter, exit_with

# A key of another team, for the rules on isolation.
OTHER_KEY = "al_live_" + "1" * 64
PROMPT = "Name three uses of a paper clip."


def main() -> int:
    enter()
    from aurous_mock.server.launcher import running
    from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM

    with running(keys={DEFAULT_KEY: DEFAULT_TEAM, OTHER_KEY: "team_other"}) as mock:
        print(f"aurous-mock listens on {mock.url}\n")
        _complete(mock.url, mock.api_key)
        _stream(mock.url, mock.api_key)
        print("The documented rules, checked against this server:\n", flush=True)
        suite = [sys.executable, "-m", "pytest", "conformance", f"--base-url={mock.url}", f"--api-key={DEFAULT_KEY}"]
        suite += [f"--other-api-key={OTHER_KEY}", *sys.argv[1:]]
        return subprocess.run(suite, cwd=ROOT, check=False).returncode


def _complete(url: str, key: str) -> None:
    from aurous import Aurous, models, receipt, response_info
    from aurous_client.api.chat import create_chat_completion

    with Aurous(key, base_url=url) as client:
        completion = create_chat_completion.sync(
            client=client,
            body=models.ChatCompletionRequest(
                model="aurous-grow-2.0-pro", messages=[models.UserMessage(content=PROMPT)], max_tokens=40
            ),
        )
    paid = receipt(completion)
    print(f"{PROMPT}\n{completion.choices[0].message.content}")
    print(f"{type(completion).__name__} {completion.id}, {completion.choices[0].finish_reason}, ", end="")
    print(f"{paid.total_tokens} tokens, {paid.credits} credits, request {response_info(completion).request_id}\n")


def _stream(url: str, key: str) -> None:
    from aurous import Aurous

    with (
        Aurous(key, base_url=url) as client,
        client.chat.completions.stream(
            model="aurous-grow-2.0-pro", messages=[{"role": "user", "content": "And now as a stream."}], max_tokens=40
        ) as stream,
    ):
        for text in stream.text:
            print(text, end="", flush=True)
        credits_ = stream.receipt.credits if stream.receipt else "unknown"
        print(f"\nstreamed {stream.id}, {stream.finish_reason}, {credits_} credits\n")


if __name__ == "__main__":
    exit_with(main)
