#!/usr/bin/env python3
"""Writes the dashboards and alert rules of this folder anew from `parts`; `--check` says whether they are as they would be written."""

import json
import pathlib
import sys

from parts import api, graphite, influxdb, prometheus
from parts.rules import provisioned

HERE = pathlib.Path(__file__).resolve().parent
PARTS = {"api": api, "graphite": graphite, "influxdb": influxdb, "prometheus": prometheus}


def yaml(value, depth=0):
    """A tree as YAML; every text is quoted as JSON quotes it, which YAML understands."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        return "\n".join(f"{pad}{key}:{under(inner, depth)}" for key, inner in value.items())
    if isinstance(value, list) and value:
        return "\n".join(f"{pad}- {yaml(inner, depth + 1).lstrip()}" for inner in value)
    return f"{pad}{json.dumps(value, ensure_ascii=False)}"


def under(value, depth):
    return f"\n{yaml(value, depth + 1)}" if isinstance(value, (dict, list)) and value else f" {json.dumps(value, ensure_ascii=False)}"


def files():
    """Every file with what is to be in it."""
    made = {}
    for name, part in PARTS.items():
        made[HERE / "dashboards" / f"{name}.json"] = json.dumps(part.dashboard(), indent=2, ensure_ascii=False) + "\n"
        rules = yaml(provisioned(part.UID, part.rules())).replace("$", "$$")
        made[HERE / "alerting" / f"{name}.yaml"] = "# Made by make.py. What is above which value an alert is yours to change.\n" + rules + "\n"
    return made


def main():
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(HERE)} is not as make.py writes it: run contrib/grafana/make.py", file=sys.stderr)
        raise SystemExit(1 if stale else 0)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files()[path])
        print(f"written: {path.relative_to(HERE)}")


if __name__ == "__main__":
    main()
