"""What one core carries with this client, side by side with its peers, and what the mock costs.

`wire` has the bytes that the server sends, `server` sends them, `serving` starts and stops it. `streams`,
`async_streams`, `calls` and `mock` do the work that is measured, each case in a process of its own (`case`); `groups`
lists the cases and what is claimed of them. `measuring` visits them, `figures` and `judging` reckon; `table`, `plot`
and `markdown` show it, and `records` keeps it.
"""
