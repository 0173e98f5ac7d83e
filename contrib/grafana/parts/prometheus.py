"""The dashboard over Prometheus, which scrapes /metrics of the services: the house, its devices and circuits, and how Wattribute itself is."""

from . import panels as p
from .rules import rule

KIND = "prometheus"
UID = "wattribute-prometheus"


def ask(query, legend="", instant=False, shape="time_series"):
    return {"expr": query, "legendFormat": legend, "range": not instant, "instant": instant, "format": shape, "editorMode": "code"}


def one(metric, *labels):
    """A gauge told once. The ports of one process tell the same, and a sum over all that is scraped would count each of them."""
    return f"max by ({', '.join(labels)}) ({metric})" if labels else f"max({metric})"


def known(query):
    """Without NaN, which a gauge is in a gap: one would make the mean of a day NaN."""
    return f"({query} >= -Inf)"


HOUSE = one("wattribute_house_power_watts")
TODAY = known(one("wattribute_house_energy_today_kwh"))
DEVICES = one("wattribute_device_power_watts", "entity_id", "name")
UP = one("wattribute_adapter_up", "adapter", "device")
DEPENDENCIES = one("wattribute_dependency_up", "service", "dependency")
READINGS = one("rate(wattribute_readings_total[$__rate_interval])")


def rows():
    version = p.stat("Version", ask(one("wattribute_build_info", "version"), "{{version}}", instant=True), "none")
    version["options"]["textMode"] = "name"
    per_day = known("max(max_over_time(wattribute_house_energy_today_kwh[1d]))")
    device = f"sum by (name) ({DEVICES} > 0)"
    daily = {"interval": "1d", "time_from": "30d"}
    return [
        [
            p.stat("Power now", ask(known(HOUSE)), "watt", graph=True, time_from=p.NOW, thresholds=[(3000, "yellow"), (8000, "red")]),
            p.stat("Today", ask(TODAY, instant=True), "kwatth", decimals=2),
            p.stat("Cost today", ask(f"{TODAY} * $price", instant=True), "none", decimals=2, description=p.AT_PRICE),
            p.stat("Highest of 24 h", ask(known("max(max_over_time(wattribute_house_power_watts[1d]))"), instant=True), "watt"),
            p.stat(
                "Phantom load",
                ask(f"quantile_over_time(0.05, {known(HOUSE)}[1d:1m])", instant=True),
                "watt",
                description="What the house draws at least, 95 % of the time of the last day.",
            ),
            p.stat("Devices on", ask(f"count({DEVICES} > 0)", instant=True), "none"),
        ],
        [p.lines("The whole house", [ask(HOUSE, "House")])],
        [
            p.lines("Devices", [ask(device, "{{name}}")], width=16, height=10, stacked=True),
            p.ranking("Devices now", [ask(f"sort_desc({device})", "{{name}}", instant=True)], "watt"),
        ],
        [
            p.table(
                "Devices, the last day",
                [ask(f"sort_desc(sum by (name) (sum_over_time({known(DEVICES)}[1d:1m])) / 60 / 1000)", instant=True, shape="table")],
                width=12,
                units=[("Energy", "kwatth")],
                description="Energy of the last 24 hours, of the minutes in which the power is known.",
                transformations=[
                    {
                        "id": "organize",
                        "options": {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": {"name": "Device", "Value": "Energy"}},
                    }
                ],
            ),
            p.lines("Circuits", [ask(f"max by (name) ({one('wattribute_circuit_power_watts', 'entity_id', 'name')})", "{{name}}")], width=12, height=10),
        ],
        [
            p.bars(
                "Energy by day, and over seven days",
                [ask(per_day, "kWh a day"), ask(f"avg_over_time({per_day}[7d:1d])", "mean of 7 days")],
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
            p.stat("Sources up", ask(f"sum({UP})", instant=True), "none"),
            p.stat("Sources away", ask(f"sum(1 - {UP})", instant=True), "none", thresholds=[(1, "red")]),
            p.stat("Dependencies down", ask(f"sum(1 - {DEPENDENCIES})", instant=True), "none", thresholds=[(1, "red")]),
            p.stat("Readings a minute", ask(f"60 * {READINGS}"), "none", decimals=0, graph=True, time_from=p.NOW),
            p.stat(
                "Correlator behind", ask(one("wattribute_correlator_lag_seconds"), instant=True), "s", decimals=1, thresholds=[(60, "yellow"), (600, "red")]
            ),
        ],
        [
            p.lines("Sources", [ask(UP, "{{adapter}} {{device}}")], "none", width=12, height=8, min=0, max=1),
            p.lines("What services depend on", [ask(DEPENDENCIES, "{{service}}: {{dependency}}")], "none", width=12, height=8, min=0, max=1),
        ],
        [
            p.lines("Readings a second", [ask(READINGS, "readings")], "none", width=8, height=8),
            p.lines(
                "Payloads that could not be read",
                [ask(one("increase(wattribute_bad_payloads_total[$__rate_interval])", "adapter"), "{{adapter}}")],
                "none",
                width=8,
                height=8,
            ),
            p.lines(
                "Time to learn",
                [ask(one("wattribute_learning_seconds"), "learning"), ask(one("wattribute_correlator_backlog_seconds"), "backlog")],
                "s",
                width=8,
                height=8,
            ),
        ],
        [
            p.lines(
                "Requests a second",
                [
                    ask(
                        f"sum by (service, status) ({one('rate(wattribute_http_requests_total[$__rate_interval])', 'service', 'method', 'route', 'status')})",
                        "{{service}} {{status}}",
                    )
                ],
                "reqps",
                width=12,
                height=8,
            ),
            p.lines(
                "Time to answer, 95 of 100",
                [
                    ask(
                        "histogram_quantile(0.95, sum by (le, service) "
                        f"({one('rate(wattribute_http_request_duration_seconds_bucket[$__rate_interval])', 'le', 'service', 'route')}))",
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
    stepped = f"{one('abs(idelta(wattribute_device_power_watts[5m]))', 'entity_id', 'name')} >= $step_w"
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

    house = known(HOUSE)
    device = 'wattribute_device_power_watts{name!~"(?i).*(fridge|freezer|router).*"}'
    # The least that was ever told, with a minute known of each of the six hours' minutes but ten: a series that is young, or has a gap, says nothing of six hours.
    least = f"min by (entity_id, name) (min_over_time({device}[6h]))"
    minutes = f"count_over_time({known(one(device, 'entity_id', 'name'))}[6h:1m])"
    return [
        rule(
            UID,
            "high-use",
            "The house draws much",
            model(f"avg_over_time({house}[5m:30s]) and count_over_time({house}[5m:30s]) >= 8"),
            seconds=600,
            reducer="last",
            above=8000,
            lasts="1m",
            summary='The house draws {{ printf "%.0f" .Values.B.Value }} W',
        ),
        rule(
            UID,
            "left-on",
            "Something has been on for hours",
            model(f"{least} and {minutes} >= 350"),
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
            # 0 where it was NaN all the time, 1 for any number. A home without a meter has no such gauge, and no alert.
            model("max(max_over_time(wattribute_house_power_watts[15m]) >= bool -Inf)"),
            seconds=900,
            reducer="last",
            below=0.5,
            lasts="1m",
            summary="No power of the house for 15 minutes",
        ),
        rule(
            UID,
            "no-data",
            "A source is away",
            model(UP),
            seconds=600,
            reducer="last",
            below=0.5,
            lasts="10m",
            tells_silence=True,
            summary="{{ if .Labels.adapter }}{{ .Labels.adapter }} {{ .Labels.device }} is away{{ else }}Wattribute or Prometheus says nothing{{ end }}",
        ),
        rule(
            UID,
            "dependency",
            "A service does without something",
            model(DEPENDENCIES),
            seconds=600,
            reducer="last",
            below=0.5,
            lasts="10m",
            summary="{{ .Labels.service }}: {{ .Labels.dependency }} is down",
        ),
    ]
