"""The dashboard over Wattribute's own API, by Grafana's Infinity data source: costs of the real tariff, what was learned of each device, alerts."""

from . import panels as p
from .rules import rule

KIND = "yesoreyeram-infinity-datasource"
UID = "wattribute-api"


def ask(path, root, columns, shape="table"):
    """Rows of `root`, jq's words for them; `columns` are (selector, title, type)."""
    return {
        "type": "json",
        "source": "url",
        "parser": "jq-backend",
        "format": shape,
        "url": f"/api/v1{path}",
        "url_options": {"method": "GET", "data": ""},
        "root_selector": root,
        "columns": [{"selector": selector, "text": title, "type": kind} for selector, title, kind in columns],
        "filters": [],
    }


def figure(path, selector, root="."):
    return ask(path, root, [(selector, "Value", "number")])


SPAN = "from=${__from}&to=${__to}"
ATTRIBUTION = f"/energy/attribution?{SPAN}&devices=12&max_points=300"
HOUSE = ". as $r | range($r.at | length) as $i | {time: $r.at[$i], power_w: $r.house.mean_w[$i]}"
STACK = (
    '. as $r | range($r.at | length) as $i | ({time: $r.at[$i], device: "Not explained", power_w: $r.unattributed_w[$i]}, '
    '{time: $r.at[$i], device: "Others", power_w: $r.others_w[$i]}, ($r.devices[] | {time: $r.at[$i], device: .name, power_w: .power_w[$i]}))'
)
OVER_TIME = [("time", "Time", "timestamp_epoch"), ("device", "Device", "string"), ("power_w", "W", "number")]
HISTORY = ".history[]"


def named(field):
    """Series by the name alone, without the name of their column."""
    return {"displayName": "${__field.labels.%s}" % field}


def rows():
    energy = lambda period, column, title: ask(
        f"/energy/history?period={period}", HISTORY, [("from", "Time", "timestamp"), (column, title, "number")], "timeseries"
    )
    return [
        [
            p.stat("Power now", figure("/energy/current", "total_power_w"), "watt", thresholds=[(3000, "yellow"), (8000, "red")]),
            p.stat("Today", figure("/energy/current", "daily_kwh"), "kwatth", decimals=2),
            p.stat("Cost today", figure("/energy/history?period=day", "cost", ".history[-1]"), "none", decimals=2),
            p.stat("Highest of 24 h", figure("/energy/statistics?hours=24", "peak_power_w"), "watt"),
            p.stat("Phantom load", figure("/energy/phantom-load", "baseline_w"), "watt", description="What the house draws at night, when nothing is in use."),
            p.stat("Phantom load, a year", figure("/energy/phantom-load", "cost_per_year"), "none", decimals=0, description="What that costs in a year."),
        ],
        [p.lines("The whole house", [ask(ATTRIBUTION, HOUSE, [OVER_TIME[0], ("power_w", "House", "number")], "timeseries")])],
        [
            p.lines("Devices", [ask(ATTRIBUTION, STACK, OVER_TIME, "timeseries")], width=16, height=11, stacked=True, **named("Device")),
            p.table(
                "On now",
                [
                    ask(
                        "/devices",
                        ".devices[] | select((.power_now_w // 0) > 0)",
                        [("name", "Device", "string"), ("state", "State", "string"), ("power_now_w", "Power", "number")],
                    )
                ],
                width=8,
                height=11,
                units=[("Power", "watt")],
            ),
        ],
        [
            p.table(
                "Devices",
                [
                    ask(
                        "/devices",
                        ".devices[]",
                        [
                            ("name", "Device", "string"),
                            ("area", "Area", "string"),
                            ("state", "State", "string"),
                            ("power_now_w", "Now", "number"),
                            ("power_w", "When on", "number"),
                            ("energy_kwh", "Energy", "number"),
                            ("hours_on", "On", "number"),
                            ("verdict", "How sure", "string"),
                        ],
                    )
                ],
                width=16,
                units=[("Now", "watt"), ("When on", "watt"), ("Energy", "kwatth"), ("On", "h")],
            ),
            p.table(
                "Most of 30 days",
                [
                    ask(
                        "/energy/top-consumers?days=30&limit=50",
                        ".[]",
                        [("name", "Device", "string"), ("energy_kwh", "Energy", "number"), ("cost", "Cost", "number")],
                    )
                ],
                width=8,
                units=[("Energy", "kwatth")],
            ),
        ],
        [
            p.lines(
                "Circuits",
                [
                    ask(
                        "/energy/circuits?hours=24",
                        "sort_by(.timestamp)[]",
                        [("timestamp", "Time", "timestamp"), ("circuit_name", "Circuit", "string"), ("power_w", "W", "number")],
                        "timeseries",
                    )
                ],
                width=12,
                height=8,
                time_from="24h",
                **named("Circuit"),
            ),
            p.bars("Energy by day", [energy("day", "consumption_kwh", "kWh")], "kwatth", time_from="30d"),
        ],
        [
            p.bars("Cost by day", [energy("day", "cost", "Cost")], "none", width=8, decimals=2, time_from="30d"),
            p.bars("Cost by week", [energy("week", "cost", "Cost")], "none", width=8, decimals=2, time_from="12w"),
            p.bars("Cost by month", [energy("month", "cost", "Cost")], "none", width=8, decimals=2, time_from="1y"),
        ],
        [
            p.bars(
                "Phantom load by night",
                [ask("/energy/phantom-load?nights=30", ".nights[]", [("from", "Time", "timestamp"), ("baseline_w", "Baseline", "number")], "timeseries")],
                "watt",
                time_from="30d",
            ),
            p.table(
                "What draws it",
                [
                    ask(
                        "/energy/phantom-load?nights=30",
                        '.known[], {name: "Not known", power_w: .unknown_w}',
                        [("name", "Device", "string"), ("power_w", "Power", "number"), ("cost_per_year", "A year", "number")],
                    )
                ],
                width=12,
                height=8,
                units=[("Power", "watt")],
            ),
        ],
        [
            p.table(
                "Power changes",
                [
                    ask(
                        f"/energy/correlations?{SPAN}&min_delta=$step_w&limit=200",
                        ".[]",
                        [
                            ("timestamp", "Time", "timestamp"),
                            ("name", "Device", "string"),
                            ("previous_state", "From", "string"),
                            ("state", "To", "string"),
                            ("power_delta_w", "Change", "number"),
                            ("verdict", "Verdict", "string"),
                        ],
                    )
                ],
                width=12,
                units=[("Change", "watt")],
            ),
            p.table(
                "Alerts",
                [ask("/alerts?limit=50", ".alerts[]", [("began", "Since", "timestamp"), ("is_on", "On", "boolean"), ("message", "What", "string")])],
                width=12,
            ),
        ],
    ]


def annotations():
    root = '.[] | {time: .timestamp, text: "\\(.name // .entity_id): \\(.previous_state) to \\(.state), \\(.power_delta_w) W"}'
    target = ask(f"/energy/correlations?{SPAN}&min_delta=$step_w&limit=500", root, [("time", "time", "timestamp"), ("text", "text", "string")])
    return [p.annotation("Correlations", KIND, target)]


def dashboard():
    step = p.textbox("step_w", "Steps from, W", "50", "State changes whose step in the meter is at least this are marked.")
    return p.dashboard(
        UID,
        "Wattribute: the house (its own API)",
        "The house, its devices and what they cost, from Wattribute's data API.",
        KIND,
        rows(),
        [step],
        annotations(),
    )


def rules():
    def told(kind):
        return ask("/alerts?active=true", f'{{on: ([.alerts[] | select(.kind == "{kind}")] | length)}}', [("on", "On", "number")])

    def made(name, kind, title):
        return rule(
            UID,
            name,
            title,
            told(kind),
            seconds=600,
            reducer="last",
            above=0.5,
            # A restart of Wattribute is no news.
            lasts="2m" if kind == "no_data" else "0s",
            summary=f"{title}: see Wattribute's dashboard",
            tells_silence=kind == "no_data",
        )

    return [
        made("high-use", "high_consumption", "The house draws much"),
        made("left-on", "left_on", "Something is still on"),
        made("no-data", "no_data", "A meter or a source says nothing, or Wattribute does not answer"),
        made("phantom-load", "phantom_load", "The phantom load is high"),
    ]
