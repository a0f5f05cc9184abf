"""Scripted answers and fixtures of wider scope, in runs of pytest of their own."""

from __future__ import annotations

import pytest
from clientkit.pytest_runs import MODULE_CLIENTS, run

pytest_plugins = ["pytester"]


@pytest.mark.slow
def test_answers_are_scripted_for_one_test_only(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        service=MODULE_CLIENTS,
        test_service="""
            import asyncio
            import pytest
            import service
            from aurous import run_tools, tool
            from aurous.testing import tool_call

            @pytest.mark.parametrize("call", service.CALLS)
            def test_every_kind_of_call_gets_it(aurous_mock, call):
                aurous_mock.answer("Spam.", when="Hello")
                answer = call()
                text = answer if isinstance(answer, str) else answer.choices[0].message.content
                assert text == "Spam."

            def test_another_test_does_not_see_it(aurous_mock):
                assert service.create().choices[0].message.content != "Spam."

            def test_tool_loop_is_scripted(aurous_mock):
                cities = []

                @tool
                def get_weather(city: str) -> str:
                    cities.append(city)
                    return "4 degrees"

                aurous_mock.answers(tool_call("get_weather", city="Oslo"), "It is cold in Oslo.")
                run = run_tools(service.client, **service.QUESTION, tools=[get_weather])
                assert (cities, run.text) == (["Oslo"], "It is cold in Oslo.")
                assert aurous_mock.unused_answers() == []
        """,
    )
    run(pytester).assert_outcomes(passed=6)


@pytest.mark.slow
def test_unknown_value_of_the_setting_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naurous_unused_answers = fail")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*aurous_unused_answers in pytest's settings is 'error' or 'ignore', not 'fail'*"])


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "errors"), [("", 0), ("aurous_unused_answers = error", 1)])
def test_unused_answers_fail_a_test_where_the_setting_says_so(
    pytester: pytest.Pytester, setting: str, errors: int
) -> None:
    pytester.makeini(f"[pytest]\n{setting}")
    pytester.makepyfile("""
        from aurous import Aurous

        def ask():
            messages = [{"role": "user", "content": "Hello."}]
            with Aurous() as client:
                client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)

        def test_one_is_left(aurous_mock):
            aurous_mock.answers("one", "of two")
            ask()

        def test_all_are_given(aurous_mock):
            aurous_mock.answers("one")
            ask()
    """)
    result = run(pytester)
    result.assert_outcomes(passed=2, errors=errors)
    result.stdout.fnmatch_lines(["*scripted answers were not given*of two*"] * errors)


@pytest.mark.slow
def test_fixtures_of_wider_scope_have_servers_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        service=MODULE_CLIENTS,
        test_one="""
            import os
            import pytest
            import service

            @pytest.fixture(scope="session")
            def prepared(session_aurous_mock):
                session_aurous_mock.answer("of the session")
                return session_aurous_mock

            @pytest.fixture(scope="module")
            def warm(module_aurous_mock):
                module_aurous_mock.answer("of the module")
                service.create()
                return module_aurous_mock

            def ask():
                return service.create().choices[0].message.content

            def test_the_session_s(prepared):
                assert ask() == "of the session"

            def test_the_module_s_is_innermost(prepared, warm):
                assert ask() == "of the module"
                assert len(warm.ledger()) == 2

            def test_the_test_s_is_innermost(prepared, warm, aurous_mock):
                aurous_mock.answer("of the test")
                assert ask() == "of the test"
                assert os.environ["AUROUS_BASE_URL"] == aurous_mock.url
                assert len(aurous_mock.ledger()) == 1

            def test_the_module_s_again(warm):
                assert ask() == "of the module"
                assert os.environ["AUROUS_BASE_URL"] == warm.url
                assert len(warm.ledger()) == 3
        """,
        test_two="""
            import os
            import pytest
            import service
            from test_one import ask
            from aurous import ConfigurationError

            def test_the_session_s_is_left(session_aurous_mock):
                assert ask() == "of the session"
                assert os.environ["AUROUS_BASE_URL"] == session_aurous_mock.url
        """,
    )
    run(pytester).assert_outcomes(passed=5)
