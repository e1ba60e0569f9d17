"""The card in Markdown, and as one HTML page without outside parts: the same text, with the plots below it."""

from collections.abc import Mapping

from jinja2 import Environment
from markdown_it import MarkdownIt

from jobs.model.card.facts import Facts
from jobs.model.card.limits import limits
from jobs.model.card.plain import code, plain
from jobs.model.card.rules import changed, outcome
from jobs.model.card.standing import decided, standing
from jobs.model.fairness import told
from jobs.model.gate.worth import worth
from jobs.model.pages.looks import environment
from jobs.model.registry.version import sha256
from jobs.model.stress.page import altered, over_time


def markdown(facts: Facts) -> str:
    """The card of a version, for a repository or a review.

    Args:
        facts: what is on record of it.
    """
    verdict, stress, before = facts.verdict, facts.file("stress.json"), facts.before
    shown = {
        "outcome": outcome(verdict["rules"]),
        "standing": standing(facts),
        "worth": worth(verdict["evaluation"], facts.purpose.get("cost")),
        "limits": limits(facts),
        "changed": [*changed(verdict["rules"], before.rules, before.version)] if before and before.rules is not None else None,
        "stresses": altered(stress, verdict["evaluation"]) if stress else [],
        "over_time": over_time(stress) if stress else [],
        "decisions": decided(facts),
    }
    return _environment().get_template("card.md").render(facts=facts, told=told, **shown)


def html(facts: Facts, links: Mapping[str, str] | None = None) -> bytes:
    """The same as a page.

    Args:
        facts: what is on record of it.
        links: words and addresses of the pages that lie beside it.
    """
    # Markup within a name or a reason stays text: raw HTML is off.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", lambda *_: '<div class="scroll">\n<table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table>\n</div>\n")
    text = markdown(facts)
    shown = {"title": f"{facts.version.name} version {facts.version.version}", "body": parser.render(text), "digest": sha256(text.encode())}
    return environment("jobs.model.card").get_template("card.html").render(**shown, links=links or {}, plots=facts.plots()).encode()


def _environment() -> Environment:
    found = environment("jobs.model.card", autoescape=False)  # Markdown; raw HTML is off
    found.filters |= {"plain": plain, "code": code}
    return found
