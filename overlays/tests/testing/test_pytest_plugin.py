"""The pytest plugin, in runs of pytest of its own: what a service's tests get, and what it costs all others."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

# Other plugins of this machine have no part in these runs, and cost each of them a second.
OTHERS = ["anyio", "cacheprovider", "faker", "hypothesispytest", "schemathesis", "xdist", "xdist.looponfail"]

SERVICE = """
    from aurous import Aurous

    def ask(text):
        with Aurous() as client:
            messages = [{"role": "user", "content": text}]
            return client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)
"""


def run(pytester: pytest.Pytester, *arguments: str, beside: str = "") -> pytest.RunResult:
    """beside: a plugin that has a part in it after all"""
    without = [f"-pno:{name}" for name in OTHERS if name != beside]
    return pytester.runpytest_subprocess(*without, *arguments)


def test_a_service_is_tested_in_three_lines(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        service=SERVICE,
        test_service="""
            from service import ask

            def test_it_answers(aurous_mock):
                assert ask("Name three colours.").choices[0].message.content
                assert len(aurous_mock.ledger()) == 1
        """,
    )
    run(pytester).assert_outcomes(passed=1)


def test_one_server_serves_the_session_and_is_reset_for_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        service=SERVICE,
        test_service="""
            import os
            import pytest
            from aurous import IdempotencyKeyInUseError, RateLimitError
            from service import Aurous, ask

            seen = []

            @pytest.fixture(autouse=True)
            def key_of_the_machine(monkeypatch):
                monkeypatch.setenv("AUROUS_API_KEY", "al_live_of_the_machine")

            @pytest.mark.parametrize("run", [1, 2])
            def test_each_begins_empty(aurous_mock, run):
                assert aurous_mock.ledger() == []
                ask("One.")
                # Left over for the next test, which must not meet it.
                aurous_mock.fault("code=balance_too_low; times=9")
                seen.append(aurous_mock.url)

            def test_faults_are_for_one_request(aurous_mock):
                aurous_mock.fault("code=too_many_requests", method="POST", path="/v1/chat/completions")
                with Aurous(max_retries=0) as client:
                    assert client.models.list()
                    with pytest.raises(RateLimitError):
                        client.chat.completions.create(model="aurous-grow-2.0-pro", messages=[])
                ask("And well again.")

            def test_a_day_takes_no_time(aurous_mock):
                def ask_with_key(text):
                    with Aurous() as client:
                        client.chat.completions.create(
                            model="aurous-grow-2.0-pro",
                            messages=[{"role": "user", "content": text}],
                            idempotency_key="key-1",
                        )

                ask_with_key("One.")
                with pytest.raises(IdempotencyKeyInUseError):
                    ask_with_key("Another.")
                aurous_mock.advance(24 * 3600 + 1)
                ask_with_key("Another.")
                assert [charge["idempotency_key"] for charge in aurous_mock.ledger()] == ["key-1", "key-1"]

            def test_the_environment_is_that_of_the_test(aurous_mock):
                seen.append(aurous_mock.url)
                assert os.environ["AUROUS_BASE_URL"] == aurous_mock.url
                assert os.environ["AUROUS_API_KEY"] == aurous_mock.api_key

            def test_without_the_fixture_it_is_as_it_was():
                assert len(set(seen)) == 1
                assert "AUROUS_BASE_URL" not in os.environ
                assert os.environ["AUROUS_API_KEY"] == "al_live_of_the_machine"
        """,
    )
    run(pytester).assert_outcomes(passed=6)


def test_a_proxy_is_gone_around(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        # Nothing listens there.
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    pytester.makepyfile(
        service=SERVICE,
        test_service="""
            import os
            from service import ask

            def test_it_answers(aurous_mock):
                assert ask("Hello.")
                assert os.environ["NO_PROXY"].startswith("intranet.example,")
        """,
    )
    run(pytester).assert_outcomes(passed=1)


def test_coroutines_use_it_as_functions_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import asyncio
        import pytest
        from aurous import AsyncAurous

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_many_at_once(aurous_mock, anyio_backend):
            async def ask():
                messages = [{"role": "user", "content": "Hello."}]
                await client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)

            async with AsyncAurous() as client:
                await asyncio.gather(*(ask() for _ in range(20)))
            assert len(aurous_mock.ledger()) == 20
    """)
    run(pytester, beside="anyio").assert_outcomes(passed=1)


def test_nothing_of_the_server_is_loaded_until_a_test_asks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys
        import threading

        SERVER = {"aurous_mock", "starlette", "uvicorn", "orjson"}
        CLIENT = {"httpx", "aurous._client.client", "aurous.transport", "aurous_client.resources"}

        def test_before():
            assert "aurous.testing" in sys.modules
            assert not SERVER & {name.partition(".")[0] for name in sys.modules}
            assert not CLIENT & set(sys.modules)
            assert threading.active_count() == 1

        def test_with(aurous_mock):
            assert SERVER <= {name.partition(".")[0] for name in sys.modules}
    """)
    run(pytester).assert_outcomes(passed=2)


@pytest.mark.parametrize("missing", ["starlette", "orjson"])
def test_without_the_extra_one_line_says_what_to_install(pytester: pytest.Pytester, missing: str) -> None:
    pytester.makeconftest(f"import sys; sys.modules[{missing!r}] = None")
    pytester.makepyfile("""
        def test_with(aurous_mock): ...
        def test_another_with(aurous_mock): ...
        def test_without(): ...
    """)
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines([f"*needs the mock server: pip install 'aurous-labs?mock?' (no module {missing}*)"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*testing.py*")


def test_the_fixture_is_listed_with_what_it_is_for(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--fixtures")
    result.stdout.fnmatch_lines(["aurous_mock -- *", "*A mock of the Aurous Labs API on this machine*"])
