"""The pytest plugin, in runs of pytest of its own: what a service's tests get, and what it costs all others."""

from __future__ import annotations

import pytest
from clientkit.pytest_runs import MODULE_CLIENTS, SERVICE, run
from testkit.raw_server import RawServer
from testkit.responses import answer

pytest_plugins = ["pytester"]


@pytest.mark.slow
def test_fixture_serves_a_client_made_in_the_test(pytester: pytest.Pytester) -> None:
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


@pytest.mark.slow
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

            def test_day_takes_no_time(aurous_mock):
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

            def test_environment_is_that_of_the_test(aurous_mock):
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


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "al_live_of_production"])
def test_clients_made_at_import_call_the_mock(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, wire: RawServer, key: str | None
) -> None:
    # Stands for production: no request may reach it.
    monkeypatch.setenv("AUROUS_BASE_URL", wire.url)
    if key is not None:
        monkeypatch.setenv("AUROUS_API_KEY", key)
    pytester.makepyfile(
        service=MODULE_CLIENTS,
        test_service="""
            import pytest
            import service

            @pytest.mark.parametrize("call", service.CALLS)
            def test_it_answers(aurous_mock, call):
                assert call()
                assert len(aurous_mock.ledger()) == 1
        """,
    )
    run(pytester).assert_outcomes(passed=4)
    assert wire.connections == 0


@pytest.mark.slow
def test_without_the_fixture_no_other_host_is_called(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUROUS_API_KEY", "al_live_of_production")
    pytester.makepyfile(
        service=MODULE_CLIENTS,
        test_service="""
            import pytest
            import service
            from aurous import ConfigurationError

            @pytest.mark.parametrize("call", service.CALLS)
            def test_it_is_refused(call):
                with pytest.raises(ConfigurationError, match="api.aurous-labs.com was not called") as caught:
                    call()
                for way in ("aurous_mock", "usefixtures", "aurous_allowed_hosts", "aurous_allow_hosts"):
                    assert way in str(caught.value)
        """,
    )
    run(pytester).assert_outcomes(passed=4)


ALLOWED = """
    import httpx
    import pytest
    from aurous import Aurous, ConfigurationError

    def models(request):
        return httpx.Response(200, json={"object": "list", "data": []}, headers={"X-Host": request.url.host})

    def hosts(*urls):
        for url in urls:
            http_client = httpx.Client(transport=httpx.MockTransport(models))
            client = Aurous("al_live_key", base_url=url, http_client=http_client)
            yield client.models.list()._origin.info.headers["x-host"]
"""


@pytest.mark.slow
def test_marker_allows_a_host_for_one_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        hosts=ALLOWED,
        test_service="""
            import pytest
            from aurous import ConfigurationError
            from hosts import hosts

            STAGING, OTHER = "https://staging.example", "https://other.example"

            @pytest.mark.aurous_allow_hosts("staging.example")
            def test_it_is_called():
                assert [*hosts(STAGING)] == ["staging.example"]
                with pytest.raises(ConfigurationError, match="other.example was not called"):
                    [*hosts(OTHER)]

            @pytest.mark.aurous_allow_hosts("staging.example")
            def test_beside_the_mock(aurous_mock):
                assert [*hosts(STAGING, OTHER)] == ["staging.example", "127.0.0.1"]

            def test_others_are_not_affected():
                with pytest.raises(ConfigurationError, match="staging.example was not called"):
                    [*hosts(STAGING)]
        """,
    )
    run(pytester, "--strict-markers").assert_outcomes(passed=3)


@pytest.mark.slow
@pytest.mark.parametrize(("allowed", "passed"), [("staging.example other.example", 1), ("*", 1), ("else.example", 0)])
def test_ini_option_allows_hosts(pytester: pytest.Pytester, allowed: str, passed: int) -> None:
    pytester.makeini(f"[pytest]\naurous_allowed_hosts = {allowed}")
    pytester.makepyfile(
        hosts=ALLOWED,
        test_service="""
            from hosts import hosts

            def test_they_are_called():
                assert [*hosts("https://staging.example", "https://other.example")]
        """,
    )
    run(pytester).assert_outcomes(passed=passed, failed=1 - passed)


@pytest.mark.slow
def test_usefixtures_gives_every_test_the_mock(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nusefixtures = aurous_mock")
    pytester.makepyfile(
        service=MODULE_CLIENTS,
        test_service="""
            import service

            def test_it_answers():
                assert service.create()
        """,
    )
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.slow
def test_missing_key_is_an_error_of_the_first_call_without_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        from aurous import Aurous, ConfigurationError

        client = Aurous(base_url="http://127.0.0.1:9")

        def test_it_says_what_is_missing():
            with pytest.raises(ConfigurationError, match="no API key: set AUROUS_API_KEY"):
                client.models.list()
    """)
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.slow
def test_base_url_of_this_machine_and_a_wrong_key_are_left_alone(pytester: pytest.Pytester, wire: RawServer) -> None:
    wire.plays(answer(200, {"object": "list", "data": []}))
    pytester.makepyfile(f"""
        import pytest
        from aurous import Aurous, AuthenticationError

        def test_its_own_server(aurous_mock):
            assert Aurous("al_live_key", base_url="{wire.url}").models.list()

        def test_wrong_key(aurous_mock):
            with pytest.raises(AuthenticationError):
                Aurous("al_live_wrong").models.list()
    """)
    run(pytester).assert_outcomes(passed=2)
    assert len(wire.requests) == 1


@pytest.mark.slow
def test_without_the_plugin_nothing_is_redirected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        from aurous import Aurous, ConfigurationError
        from aurous._config import rerouting

        def test_client_without_a_key_cannot_be_made():
            assert rerouting.installed is None
            with pytest.raises(ConfigurationError, match="no API key"):
                Aurous()
    """)
    run(pytester, "-pno:aurous").assert_outcomes(passed=1)


@pytest.mark.slow
def test_mock_is_called_directly_in_spite_of_a_proxy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
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


@pytest.mark.slow
def test_async_tests_use_the_fixture(pytester: pytest.Pytester) -> None:
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


@pytest.mark.slow
def test_server_is_loaded_by_the_first_test_that_uses_it(pytester: pytest.Pytester) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["starlette", "orjson"])
def test_missing_extra_is_reported_in_one_line(pytester: pytest.Pytester, missing: str) -> None:
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


def test_pytest_lists_the_fixture_with_its_docstring(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--fixtures")
    result.stdout.fnmatch_lines(["aurous_mock -- *", "*A mock of the Aurous Labs API on this machine*"])
