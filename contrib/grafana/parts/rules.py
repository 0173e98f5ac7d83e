"""Alert rules as Grafana provisions them: a query, what is made of it, and from which value on it is an alert."""


def rule(source, name, title, model, *, seconds, reducer, lasts, summary, above=None, below=None, at_least=None, tells_silence=False, description=""):
    """One rule. `above` or `below` is the limit of the reduced value, `at_least` how many values there have to be for it to count: a span that is only half known says
    nothing. The one rule of a source that `tells_silence` is an alert as well where nothing comes back, or the source does not answer; the others then stay as they are,
    so that an outage is told once."""
    if at_least is not None:
        # Grafana looks no further than the first part of `&&` where that is false, and so never compares a value that is not there.
        condition = {"type": "math", "expression": f"$N >= {at_least} && $B > {above}"}
        made = [expression("B", "A", reducer, seconds), expression("N", "A", "count", seconds)]
    else:
        limit = {"type": "gt", "params": [above]} if above is not None else {"type": "lt", "params": [below]}
        condition = {"type": "threshold", "expression": "B", "conditions": [{"evaluator": limit}]}
        made = [expression("B", "A", reducer, seconds)]
    return {
        "uid": f"{source}-{name}",
        "title": title,
        "condition": "C",
        "for": lasts,
        "noDataState": "Alerting" if tells_silence else "OK",
        "execErrState": "Alerting" if tells_silence else "KeepLast",
        "isPaused": False,
        "annotations": {"summary": summary, **({"description": description} if description else {})},
        "labels": {"from": "wattribute", "kind": name.replace("-", "_")},
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": seconds, "to": 0},
                "datasourceUid": source,
                "model": {"refId": "A", "intervalMs": 10000, "maxDataPoints": 2000, **model},
            },
            *made,
            step("C", seconds, condition),
        ],
    }


def step(ref, seconds, model):
    """Something that Grafana itself makes of what was asked."""
    own = {"type": "__expr__", "uid": "__expr__"}
    return {"refId": ref, "relativeTimeRange": {"from": seconds, "to": 0}, "datasourceUid": "__expr__", "model": {"refId": ref, "datasource": own, **model}}


def expression(ref, of, reducer, seconds):
    """One number of a series; what is no number is left out."""
    return step(ref, seconds, {"type": "reduce", "expression": of, "reducer": reducer, "settings": {"mode": "dropNN"}})


def provisioned(source, rules):
    """The file that Grafana reads."""
    return {"apiVersion": 1, "groups": [{"orgId": 1, "name": source, "folder": "Wattribute", "interval": "1m", "rules": rules}]}
