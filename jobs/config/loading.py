"""Finds, reads and checks pipeline files."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from jobs.config.pipeline import Pipeline
from jobs.config.plug_ins import make_importable
from jobs.config.wording import lines_of
from jobs.errors import UsageError
from jobs.settings import Settings


@dataclass(frozen=True)
class Found:
    """A pipeline file: what it declares, or what is wrong with it."""

    path: Path
    pipeline: Pipeline | None
    problem: str | None = None

    @property
    def name(self) -> str:
        """The pipeline's name, which is the file's."""
        return self.path.stem


def pipeline_files(settings: Settings) -> list[Path]:
    """The shipped pipeline files and those in `MATINS_PIPELINES`; a team's file replaces a shipped one of the same name.

    Raises:
        UsageError: the folder does not exist.
    """
    folders = [Path(str(files("jobs.pipelines")))]
    if settings.pipelines:
        if not settings.pipelines.is_dir():
            msg = f"MATINS_PIPELINES is {settings.pipelines}, which is not a folder; create it or unset the variable."
            raise UsageError(msg)
        folders.append(settings.pipelines.absolute())
    return sorted({path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}.values(), key=lambda path: path.stem)


def find_pipelines(settings: Settings) -> list[Found]:
    """Every pipeline file; a broken one is found as broken and takes no other down."""
    found = []
    for path in pipeline_files(settings):
        try:
            found.append(Found(path, read_pipeline(path)))
        except UsageError as error:
            found.append(Found(path, None, str(error)))
    return found


def load_pipeline(name: str, settings: Settings) -> Pipeline:
    """The pipeline called `name`.

    Raises:
        UsageError: there is no such pipeline, or its file is not valid.
    """
    paths = {path.stem: path for path in pipeline_files(settings)}
    if name not in paths:
        msg = f"There is no pipeline `{name}`; known are {sorted(paths)}. Own files are looked for in the folder named by MATINS_PIPELINES."
        raise UsageError(msg)
    return read_pipeline(paths[name])


def read_pipeline(path: Path) -> Pipeline:
    """The pipeline in the file at `path`.

    Raises:
        UsageError: with all problems of the file at once, a line each: path, problem, value.
    """
    try:
        # YAML 1.2: `on` is a word, not a boolean, and a key that stands twice is an error.
        given = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})."
        raise UsageError(msg) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        msg = f"{path}: is not valid YAML, line {line}: {error.problem}"
        raise UsageError(msg) from None
    except (YAMLError, ValueError) as error:  # a ValueError: a date that does not exist, bytes that are no UTF-8
        msg = f"{path}: is not valid YAML: {' '.join(str(error).split())}"
        raise UsageError(msg) from None
    if not isinstance(given, dict):
        msg = f"{path}: holds {'nothing' if given is None else type(given).__name__}; a pipeline is a mapping with {', '.join(Pipeline.model_fields)}."
        raise UsageError(msg)
    try:
        pipeline = Pipeline.model_validate(given)
    except ValidationError as error:
        problems = [line for problem in error.errors(include_url=False) for line in lines_of(problem, Pipeline)]
        msg = "\n  ".join([f"{path}: {len(problems)} problem(s)", *problems])
        raise UsageError(msg) from None
    if pipeline.pipeline != path.stem:
        msg = f"{path}: `pipeline: {pipeline.pipeline}` must be the file's name, {path.stem}."
        raise UsageError(msg)
    if pipeline.sample or pipeline.features.plug_in:
        make_importable(path.parent)
    return pipeline


def to_plain(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline as the plain data that `Pipeline.model_validate` reads: what its file says."""
    return pipeline.model_dump(mode="json", by_alias=True, exclude_unset=True)


def digest_of(*sections: object) -> str:
    """A short sha256 of parts of the configuration; it changes when their meaning may."""
    plain = [section.model_dump(mode="json") if hasattr(section, "model_dump") else section for section in sections]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:16]
