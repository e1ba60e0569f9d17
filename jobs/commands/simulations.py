"""The command that compares retraining policies on past nights."""

from jobs import acting, console
from jobs.commands.options import From, Json, ModelName, Policies, Seeds, To, app
from jobs.nightly import require_night
from jobs.nights import parse_night, utc_now
from jobs.retraining.simulation.policies import chosen
from jobs.settings import read_settings


@app.command()
def simulate(model: ModelName, first: From, last: To, policy: Policies, seeds: Seeds = 1, json: Json = False) -> None:
    """Replay nights under retraining policies and compare them; nothing is registered, decided or published."""
    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    nights = acting.between(*[require_night(spec, parse_night(text), utc_now()) for text in (first, last)])
    policies = chosen(policy, spec.models[which])

    from jobs.retraining.simulation import told
    from jobs.retraining.simulation.command import simulate as replay

    acting.warn_of_stress(spec, which)
    found = replay(settings, spec, which, nights, policies, seeds=seeds)
    if json:
        console.as_json(found.results)
        return
    console.table(*told.policies(found.results, found.seconds))
    console.table(*told.months(found.results), title=f"{found.results['loss']} by month")
    for line in [*told.lines(found.results), f"Report     {found.folder / 'report.html'}"]:
        console.say(line)
