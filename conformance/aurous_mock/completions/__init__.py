"""The life of a completion, from its request to its record.

`service.Service` creates, retrieves and cancels. For each request it opens a `RunningCompletion`, which generates into
a `Draft` and holds a slot of the team's `ConcurrencyLimit`. What the request has in the store (record, hold, key,
lease) is its `StoredRequest`; the `Finisher` ends that, and retries while the store is unavailable.
"""
