"""CPU time and memory of this client beside other clients, and of the mock server.

`payloads` has the bytes that `server` sends, `server_process` starts and stops it on one of the `cores`. `streams`,
`async_streams`, `calls`, `batches` and `mock` do the measured work, each case in a process of its own (`case`), with
`raw_clients` for the least that it can cost; `groups` lists the cases and what is claimed of them. `measurement` runs
them, `stats` and `thresholds` evaluate, `table`, `plot` and `markdown` present, `records` has the form of the results,
and `recorder` writes them.

A new kind of work is a function in `case.WORK` and a Group in `groups.GROUPS`.
"""
