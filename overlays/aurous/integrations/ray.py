"""Ray Data: `ChatMapper`, the callable class for `map_batches`, and `complete`, which maps a dataset with it.

    import ray
    from aurous.integrations.ray import ChatMapper, complete

    mapper = ChatMapper(job="reviews", model="aurous-grow-2.0-pro", template="Summarise {review}", budget="25")
    complete(ray.data.read_parquet("reviews"), mapper, actors=4).write_parquet("summaries")

Needs the extra `ray`. The workers read their API key from AUROUS_API_KEY, which they inherit from the environment of
their node, or get by `ray.init(runtime_env={"env_vars": {"AUROUS_API_KEY": key}})`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from .._optional import RAY
from ..errors import ConfigurationError
from .mapper import ChatMapper

__all__ = ["ChatMapper", "complete"]

_CPUS_OF_AN_ACTOR: Final = 0.1
"""An actor waits for the network. With a whole CPU each, as Ray has it, more actors than CPUs never start."""


def complete(dataset: Any, mapper: ChatMapper, *, actors: int, batch_size: int = 1024, **options: Any) -> Any:
    """Send each row of a `ray.data.Dataset`. Returns the dataset with the columns that `ChatMapper` describes, lazily.

    actors:     how many work on it at once, among whom rate limits and budget are divided
    batch_size: rows of one call of an actor, which has no more than these to send at once; several times `concurrency`
    options:    others of `map_batches`, such as `num_cpus`, the share of a CPU that an actor reserves (0.1)

    Ray repeats the tasks of a node that dies. Their rows have the same keys as before, so the ones that were answered
    get their first answers and are not charged again. Directly, with any format of batches:

        dataset.map_batches(
            ChatMapper,
            fn_constructor_kwargs={"job": "reviews", "template": "Summarise {review}", "workers": 4},
            compute=ray.data.ActorPoolStrategy(size=4),
        )

    Raises ConfigurationError where Ray is not installed, and for invalid arguments.
    """
    problem = RAY.problem()
    if problem:
        raise ConfigurationError(f"aurous.integrations.ray: {problem}")
    from ray.data import ActorPoolStrategy  # type: ignore[import-not-found, unused-ignore]

    # Columns of Arrow keep their types where all cells of a block are missing.
    return dataset.map_batches(
        ChatMapper,
        fn_constructor_kwargs=dataclasses.replace(mapper, workers=actors).options(),
        compute=ActorPoolStrategy(size=actors),
        batch_size=batch_size,
        batch_format="pyarrow",
        **{"num_cpus": _CPUS_OF_AN_ACTOR, **options},
    )
