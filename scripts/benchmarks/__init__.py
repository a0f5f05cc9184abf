"""CPU time and memory of this client beside other clients, and of the mock server.

`payloads` has the bytes that `server` sends, `server_process` starts and stops it. `streams`, `async_streams`, `calls`,
`batches` and `mock` do the measured work, each case in a process of its own (`case`); `groups` lists the cases and
what is claimed of them. `measurement` runs them, `stats` and `thresholds` evaluate, `table`, `plot` and `markdown`
present, and `records` stores the results.

A new kind of work is a function in `case.WORK` and a Group in `groups.GROUPS`.
"""
