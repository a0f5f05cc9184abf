"""Calls and streams under injected faults and server kills, compared with the server's ledger.

`chaos_run` starts the mock, the `fault_proxy` and the `client_processes`, and kills the server meanwhile. Each client
process is a `worker` that makes calls by its `client_driver`, and reports them in the messages of `protocol`.
`fault_plan` decides on the fault of each exchange, and `http_messages` reads what the proxy passes on. Then
`charge_audit` and `stream_audit` compare with the ledger, after the `common_checks`. `batch_run` is
the same with `aurous batch` as the client.
"""
