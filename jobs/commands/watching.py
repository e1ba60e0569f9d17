"""Commands about how models do, and what is watched of them."""

from jobs import acting, console
from jobs.commands.options import Baselines, Json, MayFrom, MayTo, ModelName, Weeks, app
from jobs.reading import ledger_to_read
from jobs.settings import read_settings


@app.command()
def performance(model: ModelName, first: MayFrom = None, last: MayTo = None, baselines: Baselines = False, json: Json = False) -> None:
    """Show how a model did month by month, with 95 % intervals over nights, or weeks where there are eight."""
    from jobs.performance.months import as_table, measured

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    found = measured(settings, spec, which, acting.nights_or_all(spec, first, last), with_baselines=baselines)
    if json:
        console.as_json([one.to_dict() for one in found])
    else:
        console.table(*as_table(found, spec.models[which].type))
        for one in found:
            if one.problem:
                console.warn(f"{one.name}: {one.problem}")


@app.command()
def estimates(model: ModelName, first: MayFrom = None, last: MayTo = None, weeks: Weeks = False, json: Json = False) -> None:
    """Show what a model was expected to do before labels were known, beside what it then did."""
    from jobs.performance.record import as_lines, as_table, record
    from jobs.watch.on_record import read_facts

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    facts = read_facts(ledger_to_read(settings), spec, which)
    found = record(facts, acting.nights_or_all(spec, first, last), "week" if weeks else "month")
    if json:
        console.as_json(found.to_dict())
        return
    console.table(*as_table(found.pairs))
    for line in as_lines(found):
        console.say(line)


@app.command()
def signals(model: ModelName, first: MayFrom = None, last: MayTo = None, json: Json = False) -> None:
    """Show how each signal went with the loss of the week after it; from what is on record."""
    from jobs.watch.recorded import measured
    from jobs.watch.worth import as_table, how_many

    settings = read_settings()
    spec, which = acting.model_at(model, settings)
    with console.counting("signals", total=how_many()) as done:
        found = measured(settings, spec, which, acting.nights_or_all(spec, first, last), done)
    if json:
        console.as_json([vars(one) for one in found])
    else:
        console.table(*as_table(found))
        if not any(one.loss for one in found):
            console.say("No correlation can be told yet: it takes two weeks of scored nights, and the labels of the week after each.")
