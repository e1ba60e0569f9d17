"""The ledger's tables."""

from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

runs = Table(
    "matins_runs",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("pipeline", String(64), index=True),
    Column("command", Text),
    Column("user", String(128)),
    Column("host", String(256)),
    Column("code_version", String(80)),
    Column("config_digest", String(64)),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("outcome", String(16)),
)

# What a run's results rest on beside the data: for whoever computes them again.
environments = Table(
    "matins_environments",
    metadata,
    Column("run_id", String(40), primary_key=True),
    Column("content", JSON, nullable=False),
)

configurations = Table(
    "matins_configurations",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("content", JSON, nullable=False),
)

# Which runs have begun a night, and from where: whoever redoes another's night counts on.
attempts = Table(
    "matins_attempts",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("run_id", String(40), nullable=False),
    Column("by", String(16), nullable=False),
    UniqueConstraint("pipeline", "night", "run_id"),
)

step_runs = Table(
    "matins_step_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", String(40), index=True),
    Column("pipeline", String(64), index=True),
    Column("step", String(32)),
    Column("item", String(64)),
    Column("nights", Text),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("seconds", Float),
    Column("peak_memory_mb", Float),
    Column("rows", Integer),
    Column("device", String(32)),
    Column("outcome", String(16)),
    Column("message", Text),
    Column("inputs", JSON),
    Column("outputs", JSON),
)

night_states = Table(
    "matins_night_states",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("table_name", String(160), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("outcome", String(16)),
    Column("problem", Text),
    Column("notes", JSON),
    Column("run_id", String(40)),
    Column("at", DateTime(timezone=True)),
)

# A slice is one generation of one night of one table. Derived: every Delta commit carries its slices too.
slices = Table(
    "matins_slices",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("table_name", String(160), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("restated", Boolean, primary_key=True),
    Column("known_night", Date),
    Column("rows", Integer),
    Column("checksum", String(80)),
    Column("fingerprint", String(64)),
    Column("version", Integer),
    Column("run_id", String(40)),
    Column("counts", JSON),
    Column("detail", JSON),
)

table_versions = Table(
    "matins_table_versions",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("table_name", String(160), primary_key=True),
    Column("version", Integer),
)

decisions = Table(
    "matins_decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True)),
    Column("pipeline", String(64), index=True),
    Column("model", String(64)),
    Column("act", String(32)),
    Column("version", Integer),
    Column("former", Integer),
    Column("night", Date),
    Column("by", String(128)),
    Column("system_user", String(128)),
    Column("reason", Text),
    Column("evidence", JSON),
    Column("run_id", String(40)),
    Column("previous", String(64)),
    Column("chain", String(64)),
)
# No two may follow the same one, whatever the writers do.
one_follower = Index("matins_decisions_one_follower", decisions.c.previous, unique=True)

# A night's decision to retrain or not: one a night, since the key says so.
retrainings = Table(
    "matins_retrainings",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("night", Date, primary_key=True),
    Column("act", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("run_id", String(40)),
    Column("at", DateTime(timezone=True)),
)

# An episode of an alert: from the night that it began to the one that it was over.
alerts = Table(
    "matins_alerts",
    metadata,
    Column("pipeline", String(64), primary_key=True),
    Column("rule", String(64), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("opened", Date, primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("last", Date, nullable=False),
    Column("resolved", Date),
    Column("told", Date),
    Column("told_resolved", Boolean, nullable=False),
)

leases = Table(
    "matins_leases",
    metadata,
    Column("resource", String(300), primary_key=True),
    Column("owner", String(300)),
    Column("token", Integer, nullable=False),
    Column("expires_at", Float),
)
