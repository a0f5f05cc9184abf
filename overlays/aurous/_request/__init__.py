"""One call: attempts, idempotency keys, retry decisions and error mapping, without I/O."""
