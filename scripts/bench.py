#!/usr/bin/env python3
"""Times `wattribute analyze` on a year at 1 s and on a recorder database of 10 M states, beside the naive join that others do.

All rows of a table are measured in the same run, one after the other, on the same file. The inputs are made once and kept in target/bench
(about 3 GB). WATTRIBUTE_BIN names another binary, WATTRIBUTE_PYTHON another Python that has scripts/requirements.txt.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import measured
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "scripts"
BIN = os.environ.get("WATTRIBUTE_BIN") or str(ROOT / "target/ci/wattribute")
DATA = ROOT / "target/bench"
TIME_LIMIT_S = 1800
CASES = {  # input, what it is, and DESIGN.md section 7: seconds, MB
    "year": ("year.parquet", "a year at 1 s: 31.5 M readings, 1 M state changes (Parquet)", 10, 1500),
    "recorder": ("ha10m.db", "a recorder database of 10 M states (SQLite)", 15, 500),
}


def right(answer, truth):
    """How good an answer is: median error of the real devices told, how many, and the ghosts given more than 2 W."""
    told = {d["entity_id"]: d["power_w"] for d in answer["devices"] if d.get("power_w") is not None}
    real = [abs(told[e] - w) / w for e, w in truth.items() if w > 0 and e in told]
    ghosts = sum(abs(told.get(e, 0)) > 2 for e, w in truth.items() if w == 0)
    return f"{100 * statistics.median(real):.1f} %" if real else "-", f"{len(real)}/{sum(w > 0 for w in truth.values())}", str(ghosts)


def measure(case, python, repeat):
    file, _, seconds, mb = CASES[case]
    path, rows = DATA / file, []
    truth = json.loads((DATA / f"{path.stem}.json").read_text())
    commands = {
        "wattribute analyze": [BIN, "analyze", path, "--json"],
        "naive, polars": [python, HERE / "bench_naive.py", "polars", str(path)],
        "naive, pandas": [python, HERE / "bench_naive.py", "pandas", str(path)],
    }
    for name, command in commands.items():
        runs = [measured.run(command, DATA / "answer.json", DATA / "stderr.txt", TIME_LIMIT_S) for _ in range(repeat)]
        problem = next((r.problem for r in runs if r.problem), None)
        if problem:
            print(f"{name} failed on {file}: {problem}", file=sys.stderr)
            rows.append([name, "failed", "", "", "", ""])
            continue
        quality = right(json.loads((DATA / "answer.json").read_text()), truth)
        rows.append([name, f"{statistics.median(r.seconds for r in runs):.1f}", f"{max(r.peak_mb for r in runs):.0f}", *quality])
    return rows + [["  target", f"<= {seconds}", f"<= {mb}", "", "", "0"]]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--case", choices=CASES, action="append", help="only this one")
    p.add_argument("--repeat", type=int, default=1, help="runs each; the median time and the highest peak are shown")
    p.add_argument("--make-only", action="store_true", help="make the inputs and stop")
    p.add_argument("--markdown", metavar="FILE", help="write the tables there, dated")
    a = p.parse_args()
    python, out = venv.python(), []
    DATA.mkdir(parents=True, exist_ok=True)
    for case in a.case or CASES:
        file, title, _, _ = CASES[case]
        if not (DATA / f"{pathlib.Path(file).stem}.json").exists():
            print(f"making {DATA / file}", file=sys.stderr)
            subprocess.run([python, HERE / "bench_data.py", case, DATA], check=True)
        if a.make_only:
            continue
        size = (DATA / file).stat().st_size / 1e6
        head = ["", "seconds", "peak MB", "median error", "told", "ghosts > 2 W"]
        rows = [head, *measure(case, python, a.repeat)]
        widths = [max(len(r[k]) for r in rows) for k in range(len(head))]
        print(f"\n{title}, {size:.0f} MB")
        print("\n".join("  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(r, widths))).rstrip() for r in rows), flush=True)
        out += [f"## {title}, {size:.0f} MB", "\n".join("| " + " | ".join(c.strip() for c in r) + " |" for r in [head, ["---"] + ["--:"] * 5, *rows[1:]])]
    if a.markdown and out:
        facts = f"{datetime.date.today()}, `scripts/bench.py`, {os.cpu_count()} cores ({platform.machine()}), one after the other in one run."
        pathlib.Path(a.markdown).write_text("\n\n".join(["# Time and memory of analyze", facts, *out]).replace("<", "&lt;") + "\n")


if __name__ == "__main__":
    main()
