"""What may import what, proven on the source and in fresh processes."""

import ast
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORCHESTRATORS = {"dagster", "dagster_shared", "dagster_pipes", "airflow"}
HEAVY = ["pyspark", "pandas", "mlflow", "xgboost", "evidently", "great_expectations", "matplotlib"]
LIGHT = ["jobs.config.loading", "jobs.plan", "jobs.nightly", "jobs.settings", "jobs.cli"]


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported_roots(module: Path) -> set[str]:
    """The first names of everything that the file imports, also inside functions."""
    roots = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.split(".")[0])
    return roots


def short(module: Path) -> str:
    return str(module.relative_to(ROOT))


@pytest.mark.parametrize("module", modules("jobs"), ids=short)
def test_jobs_never_import_an_orchestrator(module: Path) -> None:
    assert not imported_roots(module) & {*ORCHESTRATORS, "assets", "dags", "tests"}


@pytest.mark.parametrize("module", modules("assets"), ids=short)
def test_assets_never_import_airflow_or_dags(module: Path) -> None:
    assert not imported_roots(module) & {"airflow", "dags", "tests", "pyspark", "delta"}


@pytest.mark.parametrize("module", modules("dags"), ids=short)
def test_dags_never_import_dagster_or_assets(module: Path) -> None:
    assert not imported_roots(module) & {"dagster", "assets", "tests", "pyspark", "delta"}


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_load_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT)
    assert done.stdout.split() == []


def test_a_code_location_loads_nothing_heavy() -> None:
    code = f"import sys; from assets.definitions import defs; defs(); print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT)
    assert done.stdout.split() == []


def test_nobody_else_installs_packages_called_jobs_or_assets() -> None:
    owners = {dist.metadata["Name"] for dist in distributions() for file in dist.files or () if file.parts[0] in {"jobs", "assets"} and file.suffix == ".py"}
    assert owners <= {"matins"}


@pytest.mark.parametrize("folder", ["jobs", "assets", "dags"])
def test_no_file_at_the_top_is_named_like_a_library_it_would_shadow(folder: str) -> None:
    names = {module.stem for module in (ROOT / folder).glob("*.py")} - {"__init__", "matins"}
    installed = {file.parts[0].removesuffix(".py") for dist in distributions() for file in dist.files or () if len(file.parts) < 3 and file.suffix == ".py"}
    assert not names & (set(sys.stdlib_module_names) | {"dagster", "airflow", "pyspark", "delta", "mlflow", "xgboost"})
    assert not names & (installed - {"jobs", "assets", "tests"})


def test_definitions_hold_nothing_but_definitions() -> None:
    for module in (ROOT / "assets" / "defs").glob("[!_]*.py"):
        functions = [node for node in ast.parse(module.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
        assert [ast.unparse(decorator) for function in functions for decorator in function.decorator_list] == ["dg.definitions"] * len(functions)


def test_docker_is_no_package() -> None:
    """It would shadow the SDK that MLflow imports."""
    assert not (ROOT / "docker" / "__init__.py").exists()
