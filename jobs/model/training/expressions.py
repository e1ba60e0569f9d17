"""Stored features as 32-bit floats in Spark SQL, so that scoring needs no pandas."""

from collections.abc import Sequence


def as_float(name: str, kind: str, categories: Sequence[str], fill: float | None) -> str:
    """The expression for one feature; the same bits as `Feature.values` cast to float32."""
    column = f"`{name.replace('`', '``')}`"
    if kind == "text":
        return f"{_code(column, categories)} AS {column}"
    # By way of double for all, as in pandas: a bigint cast straight to float may round otherwise.
    number = f"CAST({column} AS DOUBLE)"
    if fill is not None:
        # NaN is missing too, but COALESCE looks for NULL alone.
        number = f"COALESCE(NANVL({number}, CAST(NULL AS DOUBLE)), {fill!r}D)"
    return f"CAST({number} AS FLOAT) AS {column}"


def _code(column: str, categories: Sequence[str]) -> str:
    if not categories:
        return "CAST(NULL AS FLOAT)"
    pairs = ", ".join(f"{_literal(value)}, {code}F" for code, value in enumerate(categories))
    return f"TRY_ELEMENT_AT(MAP({pairs}), {column})"


def _literal(text: str) -> str:
    # Values come from data: whatever could end the literal, escape or be substituted (`${…}`) is written as a code point.
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in " -_.") else f"\\U{ord(sign):08X}" for sign in text)
    return f"'{plain}'"
