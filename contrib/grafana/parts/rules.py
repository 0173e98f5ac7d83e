"""Alert rules as Grafana provisions them: a query, what is made of it, and from which value on it is an alert."""


def rule(source, name, title, model, *, seconds, reducer, lasts, summary, above=None, below=None, no_data="OK", description=""):
    """One rule. `above` or `below` is the limit of the reduced value; `no_data` is what it means that there is none."""
    limit = {"type": "gt", "params": [above]} if above is not None else {"type": "lt", "params": [below]}
    expression = {"type": "__expr__", "uid": "__expr__"}
    return {
        "uid": f"{source}-{name}",
        "title": title,
        "condition": "C",
        "for": lasts,
        "noDataState": no_data,
        "execErrState": "Error",
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
            {
                "refId": "B",
                "relativeTimeRange": {"from": seconds, "to": 0},
                "datasourceUid": "__expr__",
                "model": {"refId": "B", "type": "reduce", "datasource": expression, "expression": "A", "reducer": reducer, "settings": {"mode": "dropNN"}},
            },
            {
                "refId": "C",
                "relativeTimeRange": {"from": seconds, "to": 0},
                "datasourceUid": "__expr__",
                "model": {"refId": "C", "type": "threshold", "datasource": expression, "expression": "B", "conditions": [{"evaluator": limit}]},
            },
        ],
    }


def provisioned(source, rules):
    """The file that Grafana reads."""
    return {"apiVersion": 1, "groups": [{"orgId": 1, "name": source, "folder": "Wattribute", "interval": "1m", "rules": rules}]}
