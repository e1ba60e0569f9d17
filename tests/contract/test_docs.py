"""The documentation against the code: commands are run or parsed, paths and links exist, generated pages are what the code generates."""

import importlib.util
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import typer
from pyspark.sql import SparkSession
from ruamel.yaml import YAML

from jobs.cli import app, guarded
from jobs.settings import Settings
from tests.tiny import FIRST, write_pipeline

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
A_PATH = re.compile(r"(?:jobs|assets|dags|spark_conf|tests|docs|requirements|\.ci)/[\w./-]*")
COMMAND = re.compile(r"(?:\.venv/bin/)?(?:matins|make|python)(?: |$)")
# A home folder, an address of this network, an index of packages: nothing of a machine belongs into the repository.
MACHINE = re.compile(rb"/root/|/home/\w+/|/Users/\w+/|\b(?:10|192\.168)\.\d+\.\d+(?:\.\d+)?/|--(?:extra-)?index-url [^<\s]|pypi\.org/simple", re.IGNORECASE)
EXAMPLE, EXAMPLE_NIGHTS = "comebacks", 10


def short(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands() -> Iterator[tuple[str, str]]:
    """Page and line of every command that stands in a fenced block."""
    for page in PAGES:
        for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines() if language == "bash" else ():
                if line.strip() and not line.startswith("#"):
                    yield short(page), line.partition("  #")[0].strip()


def mentioned() -> Iterator[tuple[str, str]]:
    """Page and command of what is named within a sentence, where arguments may be left out."""
    for page in PAGES:
        for code in CODE.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if COMMAND.match(code) and code != "matins":
                yield short(page), code


def words_of(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    return [Path(program).name, *arguments]


ALL = sorted(set(commands()))
MATINS = [line for _, line in ALL if words_of(line)[0] == "matins"]


def test_there_are_commands_to_test() -> None:
    assert {words_of(line)[0] for _, line in ALL} <= {"matins", "make", "python"}
    assert {words_of(line)[1] for line in MATINS} >= {"run", "backfill", "train", "check", "plan", "status", "features", "models", "sample"}


@pytest.mark.parametrize("line", sorted(set(MATINS)))
def test_a_matins_command_parses(line: str) -> None:
    """By the command's own parser, options and all; nothing is run."""
    name, *arguments = words_of(line)[1:]
    group: Any = typer.main.get_command(app)
    parsed = group.commands[name].make_context(name, arguments, resilient_parsing=False)
    assert parsed.info_name == name


@pytest.mark.parametrize(("page", "code"), sorted({(page, code) for page, code in mentioned() if words_of(code)[0] == "matins"}))
def test_a_command_named_in_a_sentence_exists(page: str, code: str) -> None:
    group: Any = typer.main.get_command(app)
    _, name, *rest = words_of(code)
    assert name in group.commands
    known = {option for parameter in group.commands[name].params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


def test_the_parser_refuses_what_does_not_exist() -> None:
    group: Any = typer.main.get_command(app)
    with pytest.raises(Exception, match="No such option") as refused:
        group.commands["run"].make_context("run", ["flights", "--nights", "2013-05-18"])
    assert isinstance(refused.value, click.UsageError) or "UsageError" in {one.__name__ for one in type(refused.value).__mro__}


@pytest.mark.parametrize(("page", "line"), sorted({(page, line) for page, line in [*ALL, *mentioned()] if words_of(line)[0] == "make"}))
def test_a_make_command_has_a_target(page: str, line: str) -> None:
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[0].split()
    assert {word for word in words_of(line)[1:] if "=" not in word} <= set(targets)


@pytest.mark.parametrize(("page", "line"), sorted({(page, line) for page, line in [*ALL, *mentioned()] if words_of(line)[0] == "python"}))
def test_a_python_command_names_a_script_or_module(page: str, line: str) -> None:
    arguments = words_of(line)[1:]
    assert (ROOT / arguments[0]).is_file() if arguments[0] != "-m" else importlib.util.find_spec(arguments[1])


CHEAP = ("matins status flights", "matins models flights", "matins plan flights --night 2013-05-31", "matins features flights", "matins features flights --sql")


@pytest.mark.parametrize("line", CHEAP)
def test_commands_that_only_look_run_on_an_empty_home(line: str, home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert line in MATINS or f".venv/bin/{line}" in MATINS
    assert guarded(lambda: app(words_of(line)[1:])) == 0
    assert capsys.readouterr().out.strip()


def test_the_sample_command_writes_what_it_says(home: Settings) -> None:
    line = next(line for line in MATINS if "sample flights --from" in line)
    assert guarded(lambda: app(words_of(line)[1:])) == 0
    assert len(list((home.landing / "schedule").glob("*.csv"))) >= 6
    assert list(home.landing.rglob("manifest.json"))


def test_the_example_works_as_it_stands(
    home: Settings, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's own file and commands, on fewer nights than it trains on."""
    page = (ROOT / "docs" / "add_a_pipeline.md").read_text(encoding="utf-8")
    blocks = FENCE.findall(page)
    folder = tmp_path / "pipelines"
    write_pipeline(folder, home.landing, nights=EXAMPLE_NIGHTS)
    (folder / "tiny.yaml").unlink()
    (folder / f"{EXAMPLE}.yaml").write_text(next(block for language, block in blocks if language == "yaml"), encoding="utf-8")
    monkeypatch.setenv("MATINS_PIPELINES", str(folder))
    lines = [line for language, block in blocks if language == "bash" for line in block.splitlines() if EXAMPLE in line]
    assert [words_of(line)[1] for line in lines] == ["check", "backfill", "check", "train", "run"]
    check, backfill, leaks, train, run = (words_of(line)[1:] for line in lines)
    assert guarded(lambda: app(check)) == 0, capsys.readouterr().out
    last = FIRST + timedelta(days=EXAMPLE_NIGHTS - 1)
    backfill[backfill.index("--to") + 1] = str(last)
    assert guarded(lambda: app([*backfill, "--no-pages"])) == 0, capsys.readouterr().out
    assert guarded(lambda: app(leaks)) == 0, capsys.readouterr().out
    # The nights that the page trains on are just enough: one day earlier, the message would name another.
    assert _earliest_training(train, capsys) == train[train.index("--as-of") + 1]
    assert run[run.index("--night") + 1] > train[train.index("--as-of") + 1]


def _earliest_training(train: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    asked = [*train]
    asked[asked.index("--as-of") + 1] = str(FIRST + timedelta(days=EXAMPLE_NIGHTS))
    assert guarded(lambda: app(asked)) == 2
    found = re.search(r"--as-of (\S+);", capsys.readouterr().err)
    assert found
    return found.group(1)


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_yaml_block_is_yaml(page: Path) -> None:
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "yaml":
            assert YAML(typ="safe", pure=True).load(block)


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_resolve(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """Headings as links write them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_paths_exist(page: Path) -> None:
    for code in CODE.findall(page.read_text(encoding="utf-8")):
        for path in A_PATH.findall(code) if A_PATH.fullmatch(code.split()[-1]) else ():
            assert (ROOT / path).exists(), path


def test_architecture_names_files_that_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `jobs/")]
    assert len(rooms) == 24
    for folder, *cells in rooms:
        names = [code for cell in cells for code in CODE.findall(cell)]
        assert names
        assert all((ROOT / folder.strip(" `") / name).is_file() for name in names), folder


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATED = sorted(generator().pages().items())


@pytest.mark.parametrize(("path", "content"), GENERATED, ids=[path.name for path, _ in GENERATED])
def test_generated_pages_are_what_the_code_generates(path: Path, content: str) -> None:
    assert path.read_text(encoding="utf-8") == content, "run: python docs/generate.py"
    assert "|  |\n" not in content, "a key without a meaning"


def test_the_schema_page_is_what_the_command_prints(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: app(["schema"])) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((ROOT / "docs" / "pipeline.schema.json").read_text(encoding="utf-8"))


def test_messages_that_are_explained_exist() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "jobs").rglob("*.py")))
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    messages = [row.split("|")[1].split(" in a verdict")[0].strip(" `") for row in page.splitlines() if row.startswith("| `")]
    assert len(messages) > 20
    pieces = [piece.strip() for message in messages for piece in message.split("…") if len(piece.strip(" :")) > 2]
    assert [piece for piece in pieces if piece not in source] == []


def test_variables_that_are_named_exist() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for folder in ("jobs", "assets") for path in (ROOT / folder).rglob("*.py"))
    known = {row.split("`")[1] for row in generator().settings_table().splitlines()[2:]} | set(re.findall(r"MATINS_\w+", source))
    for page in PAGES:
        assert set(re.findall(r"\bMATINS_[A-Z_]+\b", page.read_text(encoding="utf-8"))) <= known, short(page)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 160


def test_nothing_of_a_machine_is_tracked() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("no working copy")
    tracked = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    found = {short(path): match.group() for path in tracked if path.is_file() and path != Path(__file__) and (match := MACHINE.search(path.read_bytes()))}
    assert found == {}
