"""The command that explains one score."""

from typing import Annotated

import typer

from jobs import acting
from jobs.commands.options import Json, ModelName, app
from jobs.lake.wording import spark_errors
from jobs.nightly import require_night
from jobs.nights import parse_night, utc_now
from jobs.settings import read_settings

OfNight = Annotated[str, typer.Option("--night", metavar="D", help="The night that scored the row.")]
Key = Annotated[
    list[str] | None, typer.Option("--key", metavar="COLUMN=VALUE", help="A column of the row's key; once for each. The day follows from the night.")
]
OfGeneration = Annotated[int | None, typer.Option("--generation", min=1, help="An earlier or restated generation; the newest if left out.")]


@app.command()
def why(model: ModelName, night: OfNight, key: Key = None, generation: OfGeneration = None, json: Json = False) -> None:
    """Explain one score: what moved it, where its values came from, by which version, and who decided; also as a page."""
    from jobs.lake.session import spark_session
    from jobs.lineage.why import why as explained
    from jobs.lineage.why_page import lines, write_page
    from jobs.reading import lake_to_read

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    asked = require_night(spec, parse_night(night), utc_now())
    with spark_errors():
        lake = lake_to_read(settings, spec, spark_session(settings))
        found = explained(settings, lake, spec, which, asked, key or [], generation)
    page = write_page(found, settings.reports / spec.pipeline / which / "why")
    acting.show({**found.to_dict(), "page": str(page)}, "\n".join([*lines(found), f"  page  {page}"]), json=json)
