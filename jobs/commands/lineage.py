"""Commands about what rests on what, and about computing it again."""

from dataclasses import asdict

from jobs import acting
from jobs.commands.options import Json, ModelName, Night, app
from jobs.errors import UsageError
from jobs.nightly import require_night
from jobs.nights import parse_night, utc_now
from jobs.settings import read_settings


@app.command()
def reproduce(model: ModelName, night: Night = None, json: Json = False) -> None:
    """Compute a past night again from the versions on record, and compare it bit by bit; exit status 1 if it differs."""
    from jobs.lake.session import spark_session
    from jobs.lineage.night import reproduce as reproduce_night
    from jobs.reading import lake_to_read

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    if night is None:
        msg = "give --night D."
        raise UsageError(msg)
    wanted = require_night(spec, parse_night(night), utc_now())
    found = reproduce_night(settings, lake_to_read(settings, spec, spark_session(settings)), spec, which, wanted)
    acting.show({**asdict(found), "same": found.same, "sentence": found.sentence}, "\n".join(found.lines), json=json)
    raise SystemExit(0 if found.same else 1)
