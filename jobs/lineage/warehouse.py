"""Whether the warehouse shows the scores that a night was given."""

from pyspark.sql import DataFrame

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Slice
from jobs.lineage.verdict import Part
from jobs.published.sums import sums_in, sums_of
from jobs.reading import warehouse_to_read
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
    with warehouse_to_read(settings, pipeline, model) as warehouse:
        entry = warehouse.published().get(scored.night) if warehouse else None
        if warehouse is None or entry is None:
            return Part("warehouse", same=True, sentence="the night is not published")
        generation = int(entry["generation"])
        if generation != scored.generation:
            told = f"the warehouse shows g{generation}, the lake has g{scored.generation}: the night is not published yet"
            return Part("warehouse", same=False, sentence=told)
        with warehouse.transaction() as connection:
            there = sums_in(connection, warehouse.table, pipeline, scored.night, generation)
    made = sums_of(again, pipeline)[scored.night]
    same = (there.rows, there.scores) == (made.rows, made.scores) and there.keys in {None, made.keys}
    differs = () if same else (f"it has {there}, made again are {made}",)
    return Part("warehouse", same, f"the warehouse shows {'the same' if same else 'other'} rows as g{generation}", differs)
