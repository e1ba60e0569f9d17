"""Text of any origin within Markdown: what it says is shown, and nothing of it is markup but code between backticks."""

import re
from typing import Final

# In this order: code; an interval, which no link can be made of; underscores within a word; and what could be markup.
PARTS: Final = re.compile(r"`([^`|]+)`|\[[-+.,\d ]+\](?![(\[:])|(?<=[^\W_])_+(?=[^\W_])|([\\|`*_\[\]<>#~]|&(?=[#\w]+;))")


def plain(text: object) -> str:
    """Text that cannot end a table's cell, begin a list or become a link; code stays code."""
    return PARTS.sub(lambda found: f"\\{found[2]}" if found[2] else found[0], _line(text))


def code(text: object) -> str:
    """The same as code, where nothing has to be escaped: only a backtick or a line's end could leave it."""
    return f"`{_line(text).replace('`', chr(39))}`"


def _line(text: object) -> str:
    return " ".join(str(text).split())
