"""Requests and responses: middleware, routes, errors, streams and injected faults."""
