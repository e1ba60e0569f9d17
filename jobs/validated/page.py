"""What Great Expectations found, as JSON and as a page that people read."""

import json
import re
from pathlib import Path
from typing import Any, Final

from jobs.validated.great import quiet
from jobs.validated.opinion import Opinion

# The page is opened where there may be no way out, and nobody outside has to learn that it was opened.
OUTSIDE: Final = re.compile(
    r"""<script\b[^>]*\ssrc=["'](?:https?:)?//[^>]*>\s*</script>|<link\b[^>]*\shref=["'](?:https?:)?//[^>]*>|<img\b[^>]*\ssrc=["'](?:https?:)?//[^>]*>|url\(["']?https?:[^)]*\)""",
    re.IGNORECASE,
)
STYLE: Final = """
body { font: 14px/1.4 sans-serif; margin: 1rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0; } th, td { border-bottom: 1px solid #ccc; padding: .25rem .75rem; text-align: left; vertical-align: top; }
.fa-check-circle::before { content: "met"; } .fa-times::before { content: "broken"; } .fa-exclamation-triangle::before { content: "raised"; }
.breadcrumb, .modal, .dropdown-menu, button, footer { display: none; }
.badge { background: #eee; border-radius: .25rem; font-family: monospace; padding: 0 .25rem; }
"""


def write_docs(opinion: Opinion, folder: Path, name: str) -> tuple[Path, Path]:
    """Keeps the results as JSON and as a Data Docs page.

    Args:
        opinion: of `second_opinion`.
        folder: where to; it is made if it does not exist.
        name: of the files, without a suffix.

    Returns:
        The paths of the JSON and the HTML file.
    """
    with quiet():
        from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
        from great_expectations.render.view.view import DefaultJinjaPageView

        view: Any = DefaultJinjaPageView()
        page = self_contained(str(view.render(ValidationResultsPageRenderer().render(opinion.result))))
    result: Any = opinion.result
    folder.mkdir(parents=True, exist_ok=True)
    as_json, as_html = folder / f"{name}.json", folder / f"{name}.html"
    as_json.write_text(json.dumps(result.to_json_dict(), indent=1, sort_keys=True), encoding="utf-8")
    as_html.write_text(page, encoding="utf-8")
    return as_json, as_html


def self_contained(page: str) -> str:
    """The page without the scripts, styles and pictures that it would load from outside hosts."""
    return OUTSIDE.sub("", page).replace("</head>", f"<style>{STYLE}</style></head>", 1)
