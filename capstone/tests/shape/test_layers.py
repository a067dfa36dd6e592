"""Which layer may import what, and that the rule is really enforced."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import service_monitoring

PACKAGE = Path(service_monitoring.__file__).parent
PROJECT = Path(__file__).resolve().parents[2]
INNER = sorted(path for layer in ("domain", "application") for path in (PACKAGE / layer).rglob("*.py"))


def imported_roots(path: Path) -> set[str]:
    """The top-level names of everything a module imports, wherever in the module."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            roots.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            roots.add((node.module or "").partition(".")[0])
    return roots


def test_the_inner_layers_are_there() -> None:
    """The next test looks at modules, not at an empty folder."""
    assert len(INNER) > 12


@pytest.mark.parametrize("path", INNER, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_domain_and_application_import_the_standard_library_only(path: Path) -> None:
    """Nothing has to be installed to decide."""
    assert imported_roots(path) <= sys.stdlib_module_names | {"service_monitoring"}


@pytest.mark.parametrize("module", ["service_monitoring", "service_monitoring.cli"])
def test_optional_adapters_are_loaded_lazily(module: str) -> None:
    """Importing the command line loads no psutil: only `record` does."""
    show = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()
    assert module in loaded
    assert "psutil" not in loaded
    assert "service_monitoring.sources.host" not in loaded


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the layers of the copy of the package in a folder."""
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", lint, "--config", str(PROJECT / "pyproject.toml"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("domain.rules", "application.ports"),
        ("application.queries", "boundary.rejections"),
        ("boundary.codec", "sources.clock"),
        ("storage.memory", "sources.clock"),
        ("cli", "testing"),
        ("__main__", "testing"),
    ],
)
def test_an_import_against_the_arrows_breaks_the_layer_contract(
    tmp_path: Path, importer: str, imported: str
) -> None:
    """A module that imports outward is named by the layer check, which fails."""
    shutil.copytree(PACKAGE, tmp_path / "service_monitoring", ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "service_monitoring" / f"{importer.replace('.', '/')}.py"
    with module.open("a", encoding="utf-8") as file:
        file.write(f"\nimport service_monitoring.{imported}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"service_monitoring.{importer} -> service_monitoring.{imported}" in done.stdout
