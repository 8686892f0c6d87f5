# SPDX-License-Identifier: Apache-2.0
"""What both tests of the report share: running its programs."""
import importlib.util
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77  # ctest counts it as skipped


def need_matplotlib():
    if importlib.util.find_spec("matplotlib") is None:
        print(f"skipped: {sys.executable} has no matplotlib (Debian: python3-matplotlib)")
        sys.exit(SKIPPED)


def run(program, *arguments):
    return subprocess.run([sys.executable, str(ROOT / "bench/report" / program), *map(str, arguments)], capture_output=True, text=True, check=False,
                          timeout=300)


def make_page(folder, machine, ops=True, change=None):
    """Writes the JSON of a made-up machine and the page of it. change(files) may spoil the JSON before. Returns the page's text and the
    JSON by kind."""
    paths = machine.write(folder, ops)
    files = {pathlib.Path(p).stem: json.loads(pathlib.Path(p).read_text(encoding="utf-8")) for p in paths}
    if change:
        change(files)
        for p in paths:
            pathlib.Path(p).write_text(json.dumps(files[pathlib.Path(p).stem]), encoding="utf-8")
    out = pathlib.Path(folder) / "report.html"
    result = run("page.py", "--out", out, *paths)
    assert result.returncode == 0 and result.stderr == "", result.stderr
    return out.read_text(encoding="utf-8"), files
