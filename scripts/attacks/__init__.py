"""Attacks on the mock server and on the client, each a bounded run against 127.0.0.1 with figures and checks.

`registry` defines an attack and collects them, `runner` runs each in a process of its own. `target_server` is the
mock as a process, with its memory and the latency of other callers, `target_gateway` the same in front of another
server; `memory` reads peak memory. A new attack is a function with the decorator `attack` in one of the `server_*`,
`gateway_*` or `client_*` modules, or in a new one that `registry.MODULES` lists.
"""
