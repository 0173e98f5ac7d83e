#!/usr/bin/env python3
"""Checks the dashboards and alert rules of this folder; with a server named, runs every query of that kind against it and says which return nothing.

    contrib/grafana/check.py                                   the files alone
    contrib/grafana/check.py --api http://127.0.0.1:8006 [--token TOKEN]
    contrib/grafana/check.py --graphite http://127.0.0.1:8080 [--var prefix=home.electricity]
    contrib/grafana/check.py --influxdb http://127.0.0.1:8086 [--database home_assistant_events] [--token TOKEN] [--var meter=wattribute]
    contrib/grafana/check.py --prometheus http://127.0.0.1:9090, or --metrics http://127.0.0.1:8014/metrics (more than one may be named): that each metric is there

Variables have their defaults unless --var NAME=VALUE says otherwise; --from and --to (s since 1970) name the time, by default the last day, and what a panel says of its own.
--may-be-empty REGEX, of a title, is for what need not be there. Exit code 1 where something is wrong or empty.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import make

HERE = pathlib.Path(__file__).resolve().parent
# What Grafana knows by itself.
BUILT_IN = {
    "__from",
    "__to",
    "__interval",
    "__interval_ms",
    "__rate_interval",
    "__timezone",
    "timeFilter",
    "datasource",
    "__field.labels.Device",
    "__field.labels.Circuit",
    "__all",
}
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 366 * 86400}


def queries(name):
    """(title, target, span in seconds or None, whether of a rule) of everything that is asked in a dashboard and its rules."""
    part = make.PARTS[name]
    board = part.dashboard()
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target, span(panel.get("timeFrom"))
    for mark in board["annotations"]["list"]:
        if "target" in mark:
            yield f"annotation {mark['name']}", mark["target"], None
    for rule in part.rules():
        yield f"rule {rule['title']}", rule["data"][0]["model"], rule["data"][0]["relativeTimeRange"]["from"]


def span(said):
    """The time that a panel asks for, s; of the day so far, a whole day. None: what is chosen at the top."""
    return None if said is None else SPANS["d"] if said == "now/d" else int(said[:-1]) * SPANS[said[-1]]


def texts(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def static(name, board):
    """What is wrong with a dashboard, as it stands in the file."""
    wrong = []
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        wrong.append("two panels have one id")
    if board["schemaVersion"] < 36 or not board["uid"] or not board["title"]:
        wrong.append("it needs a uid, a title and a schemaVersion of 36 or more")
    taken = {}
    for panel in board["panels"]:
        place, title = panel["gridPos"], panel["title"]
        if place["w"] < 1 or place["x"] + place["w"] > 24:
            wrong.append(f"{title}: it is wider than the page")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    wrong.append(f"{title}: it lies on {taken[x, y]}")
                    break
                taken[x, y] = title
        if not panel["targets"]:
            wrong.append(f"{title}: it asks nothing")
        refs = [target["refId"] for target in panel["targets"]]
        if len(set(refs)) != len(refs):
            wrong.append(f"{title}: two queries have one refId")
        for target in panel["targets"]:
            asked = target.get("target") or target.get("query") or target.get("expr") or target.get("url")
            if not asked:
                wrong.append(f"{title}: an empty query")
            if target["datasource"]["uid"] != "${datasource}" or panel["datasource"]["uid"] != "${datasource}":
                wrong.append(f"{title}: its data source is not the one that is chosen at the top")
    known = BUILT_IN | {variable["name"] for variable in board["templating"]["list"]}
    # `$r` and its like are jq's own, in root_selector.
    for text in texts({**board, "panels": [{**panel, "targets": [{**t, "root_selector": ""} for t in panel["targets"]]} for panel in board["panels"]]}):
        for braced, plain in re.findall(r"\$\{([\w.]+)|\$(\w+)", text):
            if (braced or plain) not in known and not (braced or plain).startswith("tag_"):
                wrong.append(f"${braced or plain} is not one of its variables: {text[:80]}")
    return [f"{name}.json: {what}" for what in wrong]


def rules_static(name):
    part = make.PARTS[name]
    wrong = []
    for rule in part.rules():
        refs = {query["refId"] for query in rule["data"]}
        if rule["condition"] not in refs or len(refs) != len(rule["data"]) or len(rule["uid"]) > 40:
            wrong.append(f"alerting/{name}.yaml: {rule['title']}: its condition, its refIds or its uid")
        if any("$" in text and "$timeFilter" not in text for text in texts(rule["data"][0]["model"]) if ".alerts" not in text):
            wrong.append(f"alerting/{name}.yaml: {rule['title']}: a rule has no variables")
    for state, quiet in (("noDataState", "OK"), ("execErrState", "KeepLast")):
        loud = [rule["uid"] for rule in part.rules() if rule[state] != quiet]
        if loud != [f"{part.UID}-no-data"]:
            wrong.append(f"alerting/{name}.yaml: one outage is to be told once, by the rule no-data: {state} of {', '.join(loud) or 'none'}")
    return wrong


def ask(url, token=None, scheme="Bearer"):
    request = urllib.request.Request(url, headers={"Authorization": f"{scheme} {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise ValueError(f"{error.code}: {error.read().decode(errors='replace')[:300]}") from error
    except OSError as error:
        raise ValueError(f"{url.split('?')[0]}: {error}") from error


class Asked:
    """A server, the time and the variables; each kind of source has its way to say how many values a query returns."""

    def __init__(self, options, name):
        self.options, self.name = options, name
        board = make.PARTS[name].dashboard()
        chosen = {v["name"]: (v.get("current") or {}).get("value") or "" for v in board["templating"]["list"]}
        self.variables = {key: value if isinstance(value, str) else "{" + ",".join(value) + "}" for key, value in chosen.items()}
        self.variables.update(dict(said.split("=", 1) for said in options.var))

    def filled(self, text, begin, end, extra=()):
        grafana = {
            "__from": str(int(begin * 1000)),
            "__to": str(int(end * 1000)),
            "__rate_interval": "5m",
            "__interval": "1m",
            "__timezone": self.options.timezone,
        }
        values = {**grafana, **dict(extra), **self.variables}
        return re.sub(r"\$\{([\w.]+)\}|\$(\w+)", lambda m: values.get(m[1] or m[2], m[0]), text)

    def series(self, target, begin, end):
        """What a query returns: (labels, [(time, number or None)]) of each series."""
        return getattr(self, self.name)(target, begin, end)

    def count(self, target, begin, end):
        return sum(value is not None and not math.isnan(value) for _, points in self.series(target, begin, end) for _, value in points)

    def is_number(self, target):
        """Whether a query returns numbers, as those of one instant are, and no series."""
        return target.get("instant", False)

    def api(self, target, begin, end):
        answer = ask(self.options.api.rstrip("/") + self.filled(target["url"], begin, end), self.options.token)
        rows = subprocess.run(["jq", "-c", target["root_selector"]], input=answer, capture_output=True, text=True, check=False)
        if rows.returncode:
            raise ValueError(f"jq: {rows.stderr.strip()}")
        rows = [json.loads(line) for line in rows.stdout.splitlines()]
        for column in target["columns"]:
            if rows and not any(isinstance(row, dict) and column["selector"] in row for row in rows):
                raise ValueError(f"no row has {column['selector']}")
        when = next((c["selector"] for c in target["columns"] if c["type"].startswith("timestamp")), None)
        if target["format"] == "timeseries" and [row[when] for row in rows] != sorted(row[when] for row in rows):
            raise ValueError("its rows are not in order of time, so that Infinity cannot make series of them")
        numbers = [c["selector"] for c in target["columns"] if c["type"] == "number"] or [c["selector"] for c in target["columns"]]
        values = [row.get(key) for row in rows for key in numbers]
        return [({}, [(None, float(value) if isinstance(value, (int, float)) else None if value is None else 0.0) for value in values])]

    def graphite(self, target, begin, end):
        asked = {"target": self.filled(target["target"], begin, end), "from": int(begin), "until": int(end), "format": "json", "tz": self.options.timezone, "maxDataPoints": 2000}
        series = json.loads(ask(f"{self.options.graphite.rstrip('/')}/render?{urllib.parse.urlencode(asked)}", self.options.token))
        return [({"target": one["target"], **one.get("tags", {})}, [(at, value) for value, at in one["datapoints"]]) for one in series]

    def influxdb(self, target, begin, end):
        between = f"time >= {int(begin * 1000)}ms AND time <= {int(end * 1000)}ms"
        query = self.filled(target["query"], begin, end, [("timeFilter", between), ("__interval", "1m")])
        asked = {"db": self.options.database, "q": query, "epoch": "ms"}
        answer = json.loads(ask(f"{self.options.influxdb.rstrip('/')}/query?{urllib.parse.urlencode(asked)}", self.options.token, "Token"))
        results = answer.get("results", [])
        wrong = answer.get("error") or next((r["error"] for r in results if "error" in r), None)
        if wrong:
            raise ValueError(wrong)
        number = lambda value: value if isinstance(value, (int, float)) else None if value is None else 0.0
        found = [one for r in results for one in r.get("series", [])]
        return [(one.get("tags", {}), [(row[0] / 1000, number(row[k])) for row in one["values"]]) for one in found for k in range(1, len(one["columns"]))]

    def prometheus(self, target, begin, end):
        expr = self.filled(target["expr"], begin, end)
        if self.options.metrics:
            text = "\n".join(ask(url, self.options.token) for url in self.options.metrics)
            there = set(re.findall(r"^([a-zA-Z_:][\w:]*)", text, re.M))
            missing = set(re.findall(r"\bwattribute_\w+", expr)) - there
            if missing:
                raise ValueError(f"there is no {', '.join(sorted(missing))}")
            return [({}, [(end, 1.0)])]
        if target["instant"]:
            way, asked = "query", {"query": expr, "time": end}
        else:
            way, asked = "query_range", {"query": expr, "start": begin, "end": end, "step": max(60, (end - begin) / 500)}
        answer = json.loads(ask(f"{self.options.prometheus.rstrip('/')}/api/v1/{way}?{urllib.parse.urlencode(asked)}", self.options.token))
        return [(one["metric"], [(at, float(value)) for at, value in one.get("values") or [one["value"]]]) for one in answer["data"]["result"]]


def run(options, name):
    """Asks everything; how many queries were wrong or empty."""
    asked, bad = Asked(options, name), 0
    for title, target, seconds in queries(name):
        end = options.to or time.time()
        begin = options.begin or end - (seconds or 86400)
        try:
            count = asked.count(target, begin, end)
            said = f"{count} values" if count else "EMPTY"
        except (ValueError, KeyError, json.JSONDecodeError) as error:
            count, said = 0, f"WRONG: {error}"
        forgiven = not count and options.may_be_empty and re.search(options.may_be_empty, title)
        bad += not count and not forgiven
        print(f"{name:10} {title:40} {said}{' (it may be)' if forgiven else ''}")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in ("api", "graphite", "influxdb", "prometheus", "token", "may-be-empty"):
        parser.add_argument(f"--{kind}")
    parser.add_argument("--metrics", action="append", default=[])
    parser.add_argument("--database", default="home_assistant_events")
    parser.add_argument("--var", action="append", default=[])
    parser.add_argument("--timezone", default="UTC")
    parser.add_argument("--from", dest="begin", type=float)
    parser.add_argument("--to", type=float)
    options = parser.parse_args()
    wrong, uids = [], set()
    for name, part in make.PARTS.items():
        board = json.loads((HERE / "dashboards" / f"{name}.json").read_text())
        wrong += static(name, board) + rules_static(name)
        for uid in [board["uid"], *(rule["uid"] for rule in part.rules())]:
            if uid in uids and uid != part.UID:
                wrong.append(f"{name}: the uid {uid} is there twice")
            uids.add(uid)
    wrong += [f"{path.relative_to(HERE)} is not as make.py writes it" for path, text in make.files().items() if path.read_text() != text]
    for what in wrong:
        print(what, file=sys.stderr)
    servers = [name for name in make.PARTS if getattr(options, name) or (name == "prometheus" and options.metrics)]
    bad = sum(run(options, name) for name in servers)
    if not servers and not wrong:
        print(f"{len(make.PARTS)} dashboards with {sum(1 for name in make.PARTS for _ in queries(name))} queries")
    if bad:
        print(f"{bad} queries returned nothing", file=sys.stderr)
    raise SystemExit(1 if wrong or bad else 0)


if __name__ == "__main__":
    main()
