"""What Grafana would make of an alert rule: its query asked of a server, and its expressions worked out as Grafana's server does, as far as the rules use them."""

import math
import re

REDUCERS = {"last": lambda values: values[-1], "min": min, "max": max, "mean": lambda values: sum(values) / len(values), "count": len}
# `$N >= 35 && $B > 100`, the only kind of math there is.
BOTH = re.compile(r"\$(\w+) >= ([\d.]+) && \$(\w+) > ([\d.]+)")


def states(asked, rule, now):
    """The state of each instance of a rule at `now` (s since 1970), by its labels: `Normal`, `Alerting`, `KeepLast`. Pending times are left out."""
    begin = now - rule["data"][0]["relativeTimeRange"]["from"]
    try:
        found = asked.series(rule["data"][0]["model"], begin, now)
    except ValueError:
        return {(): rule["execErrState"]}
    if not found:
        return {(): named(rule["noDataState"])}
    numbers = {}
    for step in rule["data"][1:]:
        model = step["model"]
        if model["type"] == "reduce":
            numbers[step["refId"]] = [reduced(model["reducer"], points, asked.is_number(rule["data"][0]["model"])) for _, points in found]
        elif model["type"] == "threshold":
            numbers[step["refId"]] = [beyond(model["conditions"][0]["evaluator"], number) for number in numbers[model["expression"]]]
        else:
            known, least, value, limit = BOTH.fullmatch(model["expression"]).groups()
            pairs = zip(numbers[known], numbers[value], strict=True)
            numbers[step["refId"]] = [None if n is None or b is None else float(n >= float(least) and b > float(limit)) for n, b in pairs]
    told = {}
    for (labels, _), number in zip(found, numbers[rule["condition"]], strict=True):
        # What Graphite calls a series is no label of it to Grafana.
        key = tuple(sorted((name, text) for name, text in labels.items() if name != "target"))
        if key in told:
            raise ValueError(f"{rule['title']}: two of its series have the labels {labels}, which Grafana does not take")
        told[key] = named(rule["noDataState"]) if number is None else "Alerting" if number else "Normal"
    return told


def named(state):
    return "Normal" if state == "OK" else state


def reduced(reducer, points, is_number):
    """One number of a series, or None; what is a number already stays it, whatever the reducer."""
    values = [value for _, value in points if value is not None and math.isfinite(value)]
    if is_number:
        return values[0] if values else None
    return 0 if reducer == "count" and not values else REDUCERS[reducer](values) if values else None


def beyond(limit, number):
    return None if number is None else float(number > limit["params"][0] if limit["type"] == "gt" else number < limit["params"][0])
