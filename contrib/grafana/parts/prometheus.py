"""The dashboard over Prometheus, which scrapes /metrics of the services: how Wattribute itself is."""
from . import panels as p
from .rules import rule

KIND = "prometheus"
UID = "wattribute-prometheus"


def ask(query, legend="", instant=False):
    return {"expr": query, "legendFormat": legend, "range": not instant, "instant": instant, "editorMode": "code"}


def rows():
    version = p.stat("Version", ask("wattribute_build_info", "{{version}}", instant=True), "none")
    version["options"]["textMode"] = "name"
    return [
        [
            version,
            p.stat("Sources up", ask("sum(wattribute_adapter_up)", instant=True), "none"),
            p.stat("Sources away", ask("sum(1 - wattribute_adapter_up)", instant=True), "none", thresholds=[(1, "red")]),
            p.stat("Dependencies down", ask("sum(1 - wattribute_dependency_up)", instant=True), "none", thresholds=[(1, "red")]),
            p.stat("Readings a minute", ask("60 * sum(rate(wattribute_readings_total[$__rate_interval]))"), "none", decimals=0, graph=True),
            p.stat("Correlator behind", ask("max(wattribute_correlator_lag_seconds)", instant=True), "s", decimals=1, thresholds=[(60, "yellow"), (600, "red")]),
        ],
        [
            p.lines("Sources", [ask("wattribute_adapter_up", "{{adapter}} {{device}}")], "none", width=12, height=8, min=0, max=1),
            p.lines("What services depend on", [ask("wattribute_dependency_up", "{{service}}: {{dependency}}")], "none", width=12, height=8, min=0, max=1),
        ],
        [
            p.lines("Readings a second", [ask("sum(rate(wattribute_readings_total[$__rate_interval]))", "readings")], "none", width=8, height=8),
            p.lines("Payloads that could not be read", [ask("sum by (adapter) (increase(wattribute_bad_payloads_total[$__rate_interval]))", "{{adapter}}")], "none", width=8, height=8),
            p.lines("Time to learn", [ask("wattribute_learning_seconds", "learning"), ask("wattribute_correlator_backlog_seconds", "backlog")], "s", width=8, height=8),
        ],
        [
            p.lines("Requests a second", [ask("sum by (service, status) (rate(wattribute_http_requests_total[$__rate_interval]))", "{{service}} {{status}}")], "reqps", width=12, height=8),
            p.lines("Time to answer, 95 of 100", [ask("histogram_quantile(0.95, sum by (le, service) (rate(wattribute_http_request_duration_seconds_bucket[$__rate_interval])))", "{{service}}")], "s", width=12, height=8),
        ],
    ]


def dashboard():
    return p.dashboard(UID, "Wattribute itself (Prometheus)", "How the services are, from their /metrics.", KIND, rows())


def rules():
    def model(query):
        return {"expr": query, "instant": True, "range": False, "editorMode": "code"}

    return [
        rule(UID, "no-data", "A source is away", model("wattribute_adapter_up"), seconds=600, reducer="last", below=0.5, lasts="10m", no_data="Alerting", summary="{{ .Labels.adapter }} {{ .Labels.device }} is away"),
        rule(UID, "dependency", "A service does without something", model("wattribute_dependency_up"), seconds=600, reducer="last", below=0.5, lasts="10m", summary="{{ .Labels.service }}: {{ .Labels.dependency }} is down"),
    ]
