"""A coroutine that is taken for its result."""

from aurous import AsyncAurous


async def create(client: AsyncAurous) -> str:
    completion = client.chat.completions.create(
        model="aurous-grow-2.0-pro",
        messages=[{"role": "user", "content": "Hi"}],
    )
    return completion.id  # the error is here
