"""The dashboard over Prometheus, which scrapes /metrics of the services: the house, its devices and circuits, and how Wattribute itself is."""

from . import panels as p
from .rules import rule

KIND = "prometheus"
UID = "wattribute-prometheus"


def ask(query, legend="", instant=False, shape="time_series"):
    return {"expr": query, "legendFormat": legend, "range": not instant, "instant": instant, "format": shape, "editorMode": "code"}


def rows():
    version = p.stat("Version", ask("wattribute_build_info", "{{version}}", instant=True), "none")
    version["options"]["textMode"] = "name"
    house, today = "max(wattribute_house_power_watts)", "max(wattribute_house_energy_today_kwh)"
    per_day = "max(max_over_time(wattribute_house_energy_today_kwh[1d]))"
    device = "sum by (name) (wattribute_device_power_watts > 0)"
    daily = {"interval": "1d", "time_from": "30d"}
    return [
        [
            p.stat("Power now", ask(house), "watt", graph=True, thresholds=[(3000, "yellow"), (8000, "red")]),
            p.stat("Today", ask(today, instant=True), "kwatth", decimals=2),
            p.stat("Cost today", ask(f"{today} * $price", instant=True), "none", decimals=2),
            p.stat("Highest of 24 h", ask("max(max_over_time(wattribute_house_power_watts[1d]))", instant=True), "watt"),
            p.stat(
                "Phantom load",
                ask("quantile_over_time(0.05, wattribute_house_power_watts[1d])", instant=True),
                "watt",
                description="What the house draws at least, 95 % of the time of the last day.",
            ),
            p.stat("Devices on", ask("count(wattribute_device_power_watts > 0)", instant=True), "none"),
        ],
        [p.lines("The whole house", [ask(house, "House")])],
        [
            p.lines("Devices", [ask(device, "{{name}}")], width=16, height=10, stacked=True),
            p.ranking("Devices now", [ask(f"sort_desc({device})", "{{name}}", instant=True)], "watt"),
        ],
        [
            p.table(
                "Devices, the last day",
                [ask("sort_desc(avg_over_time(wattribute_device_power_watts[1d]) * 24 / 1000)", instant=True, shape="table")],
                width=12,
                units=[("Value", "kwatth")],
                transformations=[
                    {
                        "id": "organize",
                        "options": {"excludeByName": {"Time": True, "job": True, "instance": True, "__name__": True}, "indexByName": {}, "renameByName": {}},
                    }
                ],
            ),
            p.lines("Circuits", [ask("max by (name) (wattribute_circuit_power_watts)", "{{name}}")], width=12, height=10),
        ],
        [
            p.bars(
                "Energy by day, and over seven days",
                [ask(per_day, "kWh a day"), ask("avg_over_time((max(max_over_time(wattribute_house_energy_today_kwh[1d])))[7d:1d])", "mean of 7 days")],
                "kwatth",
                **daily,
            ),
            p.bars("Cost by day", [ask(f"{per_day} * $price", "cost")], "none", decimals=2, **daily),
        ],
        [
            p.bars_by_name(
                "Cost by week",
                [ask(f"{per_day} * $price", "cost")],
                "none",
                "Time",
                decimals=2,
                interval="1d",
                time_from="12w",
                transformations=p.by_calendar("GGGG-[W]WW", "cost"),
            ),
            p.bars_by_name(
                "Cost by month",
                [ask(f"{per_day} * $price", "cost")],
                "none",
                "Time",
                decimals=2,
                interval="1d",
                time_from="1y",
                transformations=p.by_calendar("YYYY-MM", "cost"),
            ),
        ],
        [
            version,
            p.stat("Sources up", ask("sum(wattribute_adapter_up)", instant=True), "none"),
            p.stat("Sources away", ask("sum(1 - wattribute_adapter_up)", instant=True), "none", thresholds=[(1, "red")]),
            p.stat("Dependencies down", ask("sum(1 - wattribute_dependency_up)", instant=True), "none", thresholds=[(1, "red")]),
            p.stat("Readings a minute", ask("60 * sum(rate(wattribute_readings_total[$__rate_interval]))"), "none", decimals=0, graph=True),
            p.stat(
                "Correlator behind", ask("max(wattribute_correlator_lag_seconds)", instant=True), "s", decimals=1, thresholds=[(60, "yellow"), (600, "red")]
            ),
        ],
        [
            p.lines("Sources", [ask("wattribute_adapter_up", "{{adapter}} {{device}}")], "none", width=12, height=8, min=0, max=1),
            p.lines("What services depend on", [ask("wattribute_dependency_up", "{{service}}: {{dependency}}")], "none", width=12, height=8, min=0, max=1),
        ],
        [
            p.lines("Readings a second", [ask("sum(rate(wattribute_readings_total[$__rate_interval]))", "readings")], "none", width=8, height=8),
            p.lines(
                "Payloads that could not be read",
                [ask("sum by (adapter) (increase(wattribute_bad_payloads_total[$__rate_interval]))", "{{adapter}}")],
                "none",
                width=8,
                height=8,
            ),
            p.lines(
                "Time to learn",
                [ask("wattribute_learning_seconds", "learning"), ask("wattribute_correlator_backlog_seconds", "backlog")],
                "s",
                width=8,
                height=8,
            ),
        ],
        [
            p.lines(
                "Requests a second",
                [ask("sum by (service, status) (rate(wattribute_http_requests_total[$__rate_interval]))", "{{service}} {{status}}")],
                "reqps",
                width=12,
                height=8,
            ),
            p.lines(
                "Time to answer, 95 of 100",
                [
                    ask(
                        "histogram_quantile(0.95, sum by (le, service) (rate(wattribute_http_request_duration_seconds_bucket[$__rate_interval])))",
                        "{{service}}",
                    )
                ],
                "s",
                width=12,
                height=8,
            ),
        ],
    ]


def variables():
    return [*p.price_variables(), p.textbox("step_w", "Steps from, W", "50", "Devices whose power changes by at least this are marked.")]


def annotations():
    stepped = "abs(idelta(wattribute_device_power_watts[5m])) >= $step_w"
    return [p.annotation("Steps of devices", KIND, {"expr": stepped, "legendFormat": "{{name}}", "range": True, "instant": False, "editorMode": "code"})]


def dashboard():
    return p.dashboard(
        UID,
        "Wattribute: the house, and itself (Prometheus)",
        "The house and its devices, and how the services are, from their /metrics.",
        KIND,
        rows(),
        variables(),
        annotations(),
    )


def rules():
    def model(query):
        return {"expr": query, "instant": True, "range": False, "editorMode": "code"}

    return [
        rule(
            UID,
            "high-use",
            "The house draws much",
            model("max(avg_over_time(wattribute_house_power_watts[5m]))"),
            seconds=600,
            reducer="last",
            above=8000,
            lasts="1m",
            summary="The house draws {{ .Values.B.Value }} W",
        ),
        rule(
            UID,
            "left-on",
            "Something has been on for hours",
            model('min_over_time(wattribute_device_power_watts{name!~"(?i).*(fridge|freezer|router).*"}[6h])'),
            seconds=600,
            reducer="last",
            above=5,
            lasts="1m",
            summary="{{ .Labels.name }} has been on for six hours",
            description="What is always on is excluded by its name in the query.",
        ),
        rule(
            UID,
            "meter",
            "The meter says nothing",
            model("max(wattribute_house_power_watts)"),
            seconds=900,
            reducer="count",
            below=1,
            lasts="5m",
            no_data="Alerting",
            summary="No power of the house for 15 minutes",
        ),
        rule(
            UID,
            "no-data",
            "A source is away",
            model("wattribute_adapter_up"),
            seconds=600,
            reducer="last",
            below=0.5,
            lasts="10m",
            no_data="Alerting",
            summary="{{ .Labels.adapter }} {{ .Labels.device }} is away",
        ),
        rule(
            UID,
            "dependency",
            "A service does without something",
            model("wattribute_dependency_up"),
            seconds=600,
            reducer="last",
            below=0.5,
            lasts="10m",
            summary="{{ .Labels.service }}: {{ .Labels.dependency }} is down",
        ),
    ]
