"""Long runs that show what the client and the mock withstand.

`chaos` makes calls and streams through a proxy that injects faults, kills the server, and compares client and server
ledgers. `soak` keeps clients busy and checks that neither process leaks. Both run a `paced_mock` and end in a `report`,
as fuzzing and attacks do.
"""
