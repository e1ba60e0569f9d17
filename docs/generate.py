"""Writes what the documentation says of the code itself: run `python docs/generate.py` after changing a model or a setting.

Whole files: `pipeline_reference.md` and `pipeline.schema.json`. Between markers in other pages: tables of settings, expectations and signals.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

from jobs.config.expectations import ROW_EXPECTATIONS, TABLE_EXPECTATIONS
from jobs.config.pipeline import Pipeline
from jobs.config.watching import SIGNALS, ModelSignal
from jobs.settings import Settings

DOCS: Final = Path(__file__).parent
SCHEMA: Final[dict[str, Any]] = Pipeline.model_json_schema(by_alias=True)
SECTIONS: Final = (
    *("Purpose", "Cost", "Nights", "Feed", "Column", "SqlSource", "Missing", "Features", "Calendar", "Lookup", "Latest", "History"),
    *("Model", "Segments", "Search", "Range", "Imbalance", "Target", "Gate", "AgainstChampion", "Parts", "Drift", "Retrain", "Trigger", "Publish"),
    *("Fairness", "Mitigate", "Stress", "Reasons", "Shadow"),
    *("Alerts", "AlertRule", "Retention"),
)
REFERENCE: Final = """\
# All keys of a pipeline file

Generated from the models that validate the file, by `python docs/generate.py`. A key that is not listed here is an error.
Editors take the same from [pipeline.schema.json](pipeline.schema.json), which `matins schema` prints:
put `# yaml-language-server: $schema=` and its path in the first line of the file.

A *name* is lower case letters, digits and underscores and begins with a letter. An *expression* is Spark SQL over the columns
of one row. Expectations have [a list of their own](add_a_pipeline.md#expectations).
"""
WORDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "nothing", "object": "mapping"}
UNSAID: Final = {
    "Pipeline.pipeline": "The name; also the file's, without `.yaml`.",
    "Pipeline.purpose": "What the predictions are for, and what errors cost.",
    "Pipeline.nights": "Which nights there are, and when a night runs.",
    "Pipeline.feeds": "What is delivered from outside.",
    "Pipeline.features": "What is known about each row to score.",
    "Pipeline.models": "What is predicted from it.",
    "Pipeline.alerts": "Who is told when something is wrong.",
    "Pipeline.retention": "How long past nights can be computed again.",
    "Purpose.goal": "A sentence that people read.",
    "Purpose.cost": "From it follows the threshold.",
    "Cost.missed": "Of a case that was not predicted.",
    "Cost.false_alarm": "Of a prediction that was no case.",
    "Nights.from": "First night.",
    "Feed.sql": "A query instead of a file.",
    "Feed.undated": "A table without nights, for `lookup`.",
    "Feed.key": "Columns that name a row: of several rows with one key the newest known counts.",
    "Feed.columns": "The contract: the delivered columns that are used, with their types.",
    "Feed.expect": "What rows and deliveries must meet.",
    "Feed.missing": "Which deliveries may be absent.",
    "Column.type": "What the delivered text must be.",
    "Features.calendar": "Public holidays.",
    "Features.lookup": "Columns of undated feeds.",
    "Features.latest": "Newest known rows of feeds.",
    "Features.history": "Aggregates over past event days of feeds.",
    "Lookup.take": "Columns of the feed; the feature is `<feed>_<column>`.",
    "Latest.take": "Columns of the feed; the feature is `<feed>_<column>`.",
    "Model.segments": "The nights that a version is made from.",
    "Model.threshold": "From which score on the label is predicted; `from purpose`: false_alarm / (false_alarm + missed).",
    "Model.imbalance": "For rare positives.",
    "Search.folds": "How many there are, the newest ending with `tune`.",
    "Range.low": "Least value.",
    "Range.high": "Greatest value.",
    "Model.max_trees": "At most so many trees.",
    "Model.seed": "Of sampling in training and of intervals.",
    "Model.device": "`auto` takes a GPU where one can be used; `cuda` refuses to go without.",
    "Model.gate": "What a version must show to go live.",
    "Model.drift": "When a distance is a drift.",
    "Model.retrain": "When it is trained again without being asked.",
    "Model.publish": "Where the night is shown.",
    "Segments.train": "Trees are grown on it.",
    "Segments.calibrate": "Scores become probabilities, and thresholds are learned, on it.",
    "Gate.champion": "The comparison with the champion; `non_inferior: 0.002` on log loss.",
    "Drift.watch": "From this distance on: watch.",
    "Drift.drifted": "From this distance on: drifted.",
    "Publish.view": "The view is `<pipeline>_<model>_<view>`.",
}
"""Of keys whose models say nothing themselves."""
MEANING: Final = {
    "expect_column_values_to_not_be_null": "the value is there",
    "expect_column_values_to_be_in_set": "the value is one of these",
    "expect_column_values_to_not_be_in_set": "the value is none of these",
    "expect_column_values_to_be_between": "the value lies between, bounds included unless strict",
    "expect_column_values_to_match_regex": "the regular expression is found in the text; anchor it with ^ and $",
    "expect_column_value_lengths_to_be_between": "the text has so many characters",
    "expect_column_pair_values_a_to_be_greater_than_b": "A is greater than B",
    "expect_table_row_count_to_be_between": "rows of the delivery",
    "expect_column_mean_to_be_between": "mean of the column",
    "expect_column_min_to_be_between": "smallest value",
    "expect_column_max_to_be_between": "greatest value",
    "expect_column_sum_to_be_between": "sum of the column",
    "expect_column_unique_value_count_to_be_between": "number of different values",
    "expect_column_proportion_of_non_null_values_to_be_between": "share of rows that have a value",
}


def main() -> None:
    """Write everything."""
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")


def pages() -> dict[Path, str]:
    """Path → what it should hold."""
    return {
        DOCS / "pipeline_reference.md": reference(),
        DOCS / "pipeline.schema.json": json.dumps(SCHEMA, indent=1) + "\n",
        DOCS / "operations.md": _filled("operations.md", {"settings": settings_table()}),
        DOCS / "alerts.md": _filled("alerts.md", {"signals": signal_table()}),
        DOCS / "add_a_pipeline.md": _filled(
            "add_a_pipeline.md", {"row expectations": expectation_table(ROW_EXPECTATIONS), "table expectations": expectation_table(TABLE_EXPECTATIONS)}
        ),
    }


def _filled(page: str, parts: Mapping[str, str]) -> str:
    content = (DOCS / page).read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        content = re.sub(f"{begin}.*?{end}", lambda _, text=f"{begin}\n{part}{end}": text, content, flags=re.DOTALL)
    return content


def settings_table() -> str:
    """A row per environment variable."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = str(alias.choices[0]) if alias is not None and not isinstance(alias, str) and hasattr(alias, "choices") else f"MATINS_{name.upper()}"
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable}` | {default} | {_prose(field.description)} |")
    return "\n".join(lines) + "\n"


def expectation_table(of: Mapping[str, tuple[frozenset[str], frozenset[str]]]) -> str:
    """A row per expectation of the closed list."""
    lines = ["| expectation | needs | may have | holds if, or bounds |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {_codes(needed)} | {_codes(optional)} | {MEANING[name]} |" for name, (needed, optional) in of.items()]
    return "\n".join(lines) + "\n"


def signal_table() -> str:
    """A row per signal that a rule may watch."""
    lines = ["| signal | of | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {'a model' if name in get_args(ModelSignal) else 'the pipeline'} | {meaning} |" for name, meaning in SIGNALS.items()]
    return "\n".join(lines) + "\n"


def reference() -> str:
    """The page of all keys."""
    parts = [REFERENCE, "## The file\n\n" + "\n".join(_rows(SCHEMA))]
    for name in SECTIONS:
        section = SCHEMA["$defs"][name]
        about = section.get("description", "").strip()
        parts.append(f"## {name}\n\n{about}\n\n" + "\n".join(_rows(section)))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(section: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| key | value | if left out | meaning |", "|---|---|---|---|")
    for key, spec in section["properties"].items():
        default = "required" if key in section.get("required", []) else _default(spec)
        meaning = spec.get("description") or UNSAID.get(f"{section['title']}.{key}")
        yield f"| `{key}` | {_kind(spec)} | {default} | {_prose(meaning)} |"


def _default(spec: Mapping[str, Any]) -> str:
    value = spec.get("default")
    return "" if value in (None, [], {}) or "default" not in spec or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _kind(spec: Mapping[str, Any]) -> str:
    """A value's type in words."""
    if "$ref" in spec:
        name = spec["$ref"].rsplit("/", 1)[-1]
        return "[expectation](add_a_pipeline.md#expectations)" if name == "Expectation" else f"[{name}](#{name.lower()})"
    if "anyOf" in spec:
        return " or ".join(_kind(one) for one in spec["anyOf"] if one.get("type") != "null")
    if "enum" in spec or "const" in spec:
        return " or ".join(f"`{one}`" for one in spec.get("enum", [spec.get("const")]))
    if spec.get("type") == "array":
        return f"list of {_kind(spec['items'])}"
    return _mapping(spec) or _plain(spec)


def _mapping(spec: Mapping[str, Any]) -> str | None:
    named = [f"{_plain({'type': 'string', 'pattern': pattern})} → {_kind(value)}" for pattern, value in spec.get("patternProperties", {}).items()]
    others = spec.get("additionalProperties")
    return named[0] if named else f"{_kind(spec.get('propertyNames', {'type': 'string'}))} → {_kind(others)}" if isinstance(others, dict) else None


def _plain(spec: Mapping[str, Any]) -> str:
    if spec.get("format") in {"date", "time"}:
        return str(spec["format"])
    if spec.get("pattern") == r"^[a-z][a-z0-9_]{0,62}$":
        return "name"
    bounds = [f"{word} {spec[key]}" for key, word in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")) if key in spec]
    kind = "expression" if spec.get("maxLength") == 2000 else f"`{spec['pattern']}`" if "pattern" in spec else WORDS[spec.get("type", "object")]
    return " ".join([kind, *bounds]).replace("|", "\\|")


def _prose(description: str | None) -> str:
    return " ".join((description or "").split()).replace("|", "\\|")


def _codes(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    main()
