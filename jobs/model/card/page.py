"""The card in Markdown, and as one HTML page without outside parts: the same text, with the plots below it."""

from importlib.resources import files as resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markdown_it import MarkdownIt

from jobs.model.card.facts import Facts
from jobs.model.card.limits import limits
from jobs.model.registry.reign import champion_on, waiting
from jobs.model.stress.page import worst


def markdown(facts: Facts) -> str:
    """The card of a version, for a repository or a review.

    Args:
        facts: what is on record of it.
    """
    shown = {
        "limits": limits(facts),
        "standing": _standing(facts),
        "features": [f"`{name}`" for name in facts.version.artifact.learned.names],
        "stresses": [*worst((facts.file("stress.json") or {"stresses": []})["stresses"], 1)],
    }
    return _environment().get_template("card.md").render(facts=facts, **shown)


def html(facts: Facts) -> bytes:
    """The same as a page.

    Args:
        facts: what is on record of it.
    """
    # Markup within a name or a reason stays text: raw HTML is off.
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown(facts))
    shown = {"title": f"{facts.version.name} version {facts.version.version}", "body": body, "plots": facts.plots()}
    return _environment().get_template("card.html").render(**shown).encode()


def _standing(facts: Facts) -> str:
    """Where the version stands by the record: what anyone asks first."""
    number = facts.version.version
    if champion_on(facts.every_decision, facts.newest_night) == number:
        return f"It is the champion, from the night {facts.decisions[-1]['night']} on."
    return "It waits for a decision." if waiting(facts.every_decision) == number else ""


def _environment() -> Environment:
    room = resources("jobs.model.card")
    loader = FunctionLoader(lambda name: room.joinpath(name).read_text(encoding="utf-8"))
    found = Environment(loader=loader, autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Markdown; raw HTML is off
    found.filters["plain"] = _plain
    return found


def _plain(text: object) -> str:
    """Text that cannot end a table's cell, begin a list or become a link."""
    return " ".join(str(text).split()).translate({ord(char): f"\\{char}" for char in "|`*[]<>#"})
