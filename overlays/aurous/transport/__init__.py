"""Sends what a course of steps asks for, over httpx. The only package of this library that knows httpx.

threads     `SyncTransport`, which waits in threads
coroutines  `AsyncTransport`, which waits in coroutines
clients     the httpx clients that they use, and which connections these are on
direct      the same without what this API has no use for
bridge      connections of aiohttp under httpx, for many coroutines at once; an extra
messages    steps to requests, responses to replies
failures    what went wrong on the network, in words, and without the key

The two transports differ in how they send, wait and stream; what is sent, and whether again, is not their affair.
"""
