"""The registry: versions in MLflow, believed only when their files are the registered ones."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jobs import failpoints
from jobs.errors import RetryableError, UsageError
from jobs.model.artifact import Artifact
from jobs.model.registry.runs import PARENT, write_run, write_trial
from jobs.model.registry.store import Store, absent, in_words
from jobs.model.registry.version import MANIFEST, Entry, Version, pack, sha256, unpack
from jobs.model.segments import Span

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}")


class Registered(NamedTuple):
    """The version that stands for a digest, and whether it was there before."""

    version: int
    existed: bool


class Promotion(NamedTuple):
    """What the alias `champion` showed and what it shows; `old` is None for a first champion."""

    old: int | None
    new: int


class Registry:
    """Versions of models by name, `<pipeline>.<model>`."""

    def __init__(self, uri: str, artifacts: str | Path | None = None) -> None:
        """Nothing is opened or created yet; MLflow is imported with the first call.

        Args:
            uri: MLflow's tracking address.
            artifacts: root of the artifacts; None leaves it to the server.
        """
        self._store = Store(uri, artifacts)

    def record(
        self,
        name: str,
        *,
        artifact: Artifact,
        spans: Mapping[str, Span],
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        files: Mapping[str, bytes],
    ) -> str:
        """Write a training down as a run of the experiment `name`; it is no version yet.

        Args:
            name: `<pipeline>.<model>`.
            artifact: the trained model.
            spans: its segments.
            params: anything short that describes it.
            metrics: finite numbers.
            tags: data versions, code version, device, …
            files: further files by name: `reference.json`, `evaluation.json`, `verdict.json`, plots.

        Returns:
            The run's id.
        """
        tags = {**tags, "digest": artifact.digest}
        return write_run(self._store, _named(name), tags=tags, params=params, metrics=metrics, files=pack(artifact, spans, files))

    def record_trials(self, name: str, run_id: str, trials: Sequence[Mapping[str, Any]], *, metric: str) -> None:
        """Write the trials of a search down as runs nested in the training's.

        Args:
            name: `<pipeline>.<model>`.
            run_id: the training's.
            trials: each with `number`, `state`, `params` and `loss`.
            metric: what the loss is.
        """
        for one in trials:
            write_trial(self._store, _named(name), run_id, one, metric)

    def register(self, name: str, run_id: str, digest: str, tags: Mapping[str, str] | None = None) -> Registered:
        """Make the run's files a version, after reading them back; a digest that has a version keeps that one.

        So a retry after a crash, whose training gives the same digest again, makes one version.

        Raises:
            DataError: the files that were uploaded are not those of `digest`.
        """
        fetch, client = partial(self._store.download, run_id), self._store.client
        own = {**(tags or {}), "digest": digest, "manifest": sha256(fetch(MANIFEST))}
        with self._store.lock():
            if known := self._with_digest(_named(name), digest):
                return Registered(known[0].version, existed=True)
            unpack(name, 0, run_id, tags=own, fetch=fetch, threads=1)
            failpoints.reached("model.before_register")
            with in_words("written"):
                self._make(name)
                source = f"{client.get_run(run_id).info.artifact_uri}"
                return Registered(int(client.create_model_version(name, source, run_id, tags=own).version), existed=False)

    def attach(self, version: Version, files: Mapping[str, bytes], *, described: str) -> None:
        """Put files beside a version's registered ones, in the place of former ones of their names, and say what MLflow's page shows of it.

        Raises:
            RetryableError: the store does not take them.
        """
        self._store.upload(version.run_id, files)
        with in_words("written"), self._store.lock():
            self._store.client.update_model_version(version.name, str(version.version), described[:4000])

    def champion(self, name: str, *, threads: int = 2) -> Version | None:
        """The version that the alias shows now, read and checked; None if there has never been one.

        Raises:
            DataError: its files are missing or are not the registered ones.
        """
        found = self._aliased(_named(name), CHAMPION)
        return None if found is None else self._read(found, threads)

    def version(self, name: str, version: int, *, threads: int = 2) -> Version:
        """One version, read and checked.

        Raises:
            UsageError: there is no such version.
            DataError: its files are missing or are not the registered ones.
        """
        from mlflow.exceptions import MlflowException

        client = self._store.client
        try:
            found = client.get_model_version(_named(name), str(version))
        except MlflowException as error:
            with in_words("read"):
                if not absent(error):
                    raise
            msg = f"`{name}` has no version {version}; it has {[entry.version for entry in self.versions(name)]}."
            raise UsageError(msg) from None
        return self._read(found, threads)

    def params(self, version: Version) -> dict[str, str]:
        """What was recorded of a version's training, as text."""
        with in_words("read"):
            return dict(self._store.client.get_run(version.run_id).data.params)

    def versions(self, name: str) -> tuple[Entry, ...]:
        """Every version, oldest first."""
        return self._list(f"name = '{_named(name)}'", name)

    def promote(self, name: str, version: int) -> Promotion:
        """Let the alias `champion` show `version`, and `previous` what it showed. The version's files are checked before.

        Raises:
            UsageError: there is no such version.
            DataError: its files are missing or are not the registered ones.
            RetryableError: the alias shows something else afterwards.
        """
        self.version(name, version)
        client = self._store.client
        with self._store.lock():
            found = self._aliased(name, CHAMPION)
            old = None if found is None else int(found.version)
            if old == version:
                return Promotion(old, version)
            failpoints.reached("model.before_alias")
            with in_words("written"):
                # `previous` first: a crash in between leaves the champion as it was.
                if old is not None:
                    client.set_registered_model_alias(name, PREVIOUS, str(old))
                client.set_registered_model_alias(name, CHAMPION, str(version))
            failpoints.reached("model.after_alias")
            shown = self._aliased(name, CHAMPION)
        if shown is None or int(shown.version) != version:
            msg = f"The champion of `{name}` should now be version {version}, but the registry shows {shown and shown.version}. Another writer? Try again."
            raise RetryableError(msg)
        return Promotion(old, version)

    def orphans(self, name: str) -> tuple[str, ...]:
        """Runs that became no version, as a crash leaves them: to be looked at and deleted."""
        experiment, client = self._store.experiment(_named(name)), self._store.client
        with in_words("read"):
            runs = [run.info.run_id for run in client.search_runs([experiment], max_results=5000) if PARENT not in run.data.tags]
        return tuple(sorted(set(runs) - {entry.run_id for entry in self.versions(name)}))

    def _make(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._store.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _aliased(self, name: str, alias: str) -> "ModelVersion | None":
        from mlflow.exceptions import MlflowException

        client = self._store.client
        with in_words("read"):
            try:
                return client.get_model_version_by_alias(name, alias)
            except MlflowException as error:
                if not absent(error):
                    raise
                return None

    def _with_digest(self, name: str, digest: str) -> tuple[Entry, ...]:
        return self._list(f"name = '{name}' and tag.digest = '{digest}'", name)

    def _list(self, where: str, name: str) -> tuple[Entry, ...]:
        client, token = self._store.client, None
        found: list[ModelVersion] = []
        with in_words("read"):
            aliases = {alias: version for model in client.search_registered_models(f"name = '{name}'") for alias, version in model.aliases.items()}
            while token is None or token:
                page = client.search_model_versions(where, max_results=1000, page_token=token)
                found, token = [*found, *page], page.token or ""
        return tuple(sorted((_entry(one, aliases) for one in found), key=lambda entry: entry.version))

    def _read(self, found: "ModelVersion", threads: int) -> Version:
        run_id = str(found.run_id)
        fetch = partial(self._store.download, run_id)
        return unpack(found.name, int(found.version), run_id, tags=dict(found.tags), fetch=fetch, threads=threads)


def _entry(found: "ModelVersion", aliases: Mapping[str, str]) -> Entry:
    created = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC)
    number = int(found.version)
    shown = tuple(sorted(alias for alias, version in aliases.items() if int(version) == number))
    return Entry(number, found.tags.get("digest", ""), str(found.run_id), created, dict(found.tags), shown)


def _named(name: str) -> str:
    # The name becomes a folder and part of a filter: nothing but a pipeline's and a model's own name may pass.
    if not NAME.fullmatch(name):
        msg = f"`{name}` is no model's name; allowed is <pipeline>.<model>, lower case letters, digits and underscores."
        raise UsageError(msg)
    return name
