"""Whether the warehouse shows the scores that a night was given."""

from pyspark.sql import DataFrame

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Slice
from jobs.lineage.verdict import Part
from jobs.published.sums import sums_in, sums_of
from jobs.published.warehouse import opened
from jobs.reading import published
from jobs.settings import Settings


def warehouse_part(settings: Settings, pipeline: Pipeline, model: str, scored: Slice, again: DataFrame) -> Part:
    """The shown generation, by rows, scores and keys.

    Args:
        settings: name the warehouse.
        pipeline: whose.
        model: whose.
        scored: the night as the lake has it.
        again: its scores, made again.
    """
    entry = published(settings, pipeline, model).entries.get(scored.night)
    if entry is None:
        return Part("warehouse", same=True, sentence="the night is not published")
    generation = int(entry["generation"])
    if generation != scored.generation:
        return Part("warehouse", same=False, sentence=f"the warehouse shows g{generation}, the lake has g{scored.generation}: the night is not published yet")
    made = sums_of(again, pipeline)[scored.night]
    with opened(settings.warehouse_url, pipeline, model) as warehouse, warehouse.transaction() as connection:
        there = sums_in(connection, warehouse.table, pipeline, scored.night, generation)
    same = (there.rows, there.scores) == (made.rows, made.scores) and there.keys in {None, made.keys}
    told = () if same else (f"it has {there}, made again are {made}",)
    return Part("warehouse", same, f"the warehouse shows the same rows as g{generation}" if same else f"the warehouse shows other rows as g{generation}", told)
