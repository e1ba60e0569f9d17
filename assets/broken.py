"""A pipeline file that cannot be used, shown where people look, beside those that can."""

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg

from jobs.config.loading import Found


def broken_definitions(found: Found) -> dg.Definitions:
    """An asset `<file>/broken` with the problem as its description and metadata; running it says the same in red."""
    name, problem = re.sub(r"[^A-Za-z0-9_]", "_", found.name), str(found.problem)
    spec = dg.AssetSpec(
        [name, "broken"],
        group_name=name,
        kinds={"yaml", "error"},
        description=f"This pipeline file is broken and its pipeline is not loaded.\n\n```\n{problem}\n```\n\nMend it, then reload the code location.",
        metadata={"file": dg.MetadataValue.path(found.path), "problem": dg.MetadataValue.md(f"```\n{problem}\n```")},
    )

    @dg.multi_asset(name=f"{name}__broken", specs=[spec])
    def broken(context: dg.AssetExecutionContext) -> Iterator[Any]:  # noqa: ARG001 - Dagster passes it
        raise dg.Failure(problem, allow_retries=False)
        yield  # a generator, as Dagster wants one here

    return dg.Definitions(assets=[broken])
