"""Attacks on the mock server, the client and the suite, each a bounded run against 127.0.0.1 with figures and checks.

`registry` defines an attack and collects them, `runner` runs each in a process of its own. `target_server` is the
mock as a process, with its memory and the latency of other callers, `target_gateway` the same in front of another
server; `memory` reads peak memory, `timed_client` times calls, and `record` writes the figures into SECURITY.md. A new
attack is a function with the decorator `attack` in one of the modules `server_*`, `gateway_*`, `client_*` or
`suite_runs`, or in a new one that `registry.MODULES` lists.
"""
