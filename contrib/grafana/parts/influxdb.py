"""The dashboard over InfluxDB, in InfluxQL, which 1.x, 2.x (by its automatic mapping of buckets) and 3 Core all answer."""

from . import panels as p
from .rules import rule

KIND = "influxdb"
UID = "wattribute-influxdb"
METER = '"meter_type" =~ /^$meter$/'


def ask(query, alias="", shape="time_series"):
    return {"query": query, "rawQuery": True, "resultFormat": shape, "alias": alias}


def over_time(what, measurement, where="", by="", step="$__interval", fill="null", zone=False):
    """Values over time; `by` is a tag with a series each."""
    where = f" AND {where}" if where else ""
    tag = f', "{by}"' if by else ""
    local = " tz('$__timezone')" if zone else ""
    return f'SELECT {what} FROM "{measurement}" WHERE $timeFilter{where} GROUP BY time({step}){tag} fill({fill}){local}'


def of_meter(what):
    return f'SELECT {what} FROM "smart_meter" WHERE $timeFilter AND {METER}'


# What a day had come to when it ended, or by now: Wattribute works it out from what it heard, with no energy in a gap. An integral of the power would draw a line over it.
# The last, and not the most: when a meter is back, what is said in the first moment may still count the gap. What was said just before midnight may be of the new day
# already, next to nothing, and is left out.
DAY = 'last("daily_kwh")'
BEGUN = '"daily_kwh" > 0.02'


def per_day(what=DAY):
    """Energies of days of the viewer's time zone; the last is of today so far."""
    return over_time(what, "smart_meter", f"{METER} AND {BEGUN}", step="1d", fill="none", zone=True)


COSTS = per_day(f"{DAY} * $price")
# HomeIQ wrote every five minutes.
NOW = "10m"


def variables():
    meter = {
        "type": "query",
        "name": "meter",
        "label": "Meter",
        "description": "wattribute: the house, worked out from all its meters; the others are what each of these says.",
        "datasource": p.datasource(KIND),
        "query": 'SHOW TAG VALUES FROM "smart_meter" WITH KEY = "meter_type"',
        "regex": "",
        "refresh": 1,
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "current": {"selected": True, "text": "wattribute", "value": "wattribute"},
        "options": [],
        "hide": 0,
        "skipUrlSync": False,
    }
    return [meter, *p.price_variables(), p.textbox("step_w", "Steps from, W", "50", "State changes whose step in the meter is at least this are marked.")]


BIG = '("power_delta_w" >= $step_w OR "power_delta_w" <= -$step_w)'
CORRELATIONS = f'SELECT "entity_id", "previous_state", "state", "power_before_w", "power_after_w", "power_delta_w", "power_delta_pct" FROM "event_energy_correlation" WHERE $timeFilter AND {BIG}'


def rows():
    power = over_time('mean("total_power_w")', "smart_meter", METER)
    return [
        [
            p.stat("Power now", ask(of_meter('last("total_power_w")')), "watt", time_from=NOW, thresholds=[(3000, "yellow"), (8000, "red")]),
            p.stat("Today", ask(of_meter('last("daily_kwh")')), "kwatth", decimals=2, time_from=p.TODAY),
            p.stat("Cost today", ask(of_meter('last("daily_kwh") * $price')), "none", decimals=2, time_from=p.TODAY, description=p.AT_PRICE),
            p.stat("Highest", ask(of_meter('max("total_power_w")')), "watt"),
            p.stat(
                "Phantom load",
                ask(of_meter('percentile("total_power_w", 5)')),
                "watt",
                time_from="24h",
                description="What the house draws at least, 95 % of the time of the last day.",
            ),
            p.stat("Power changes", ask('SELECT count("power_delta_w") FROM "event_energy_correlation" WHERE $timeFilter'), "none"),
        ],
        [p.lines("The whole house", [ask(power, "House")], interval="1m")],
        [
            p.lines(
                "Circuits and plugs",
                [ask(over_time('mean("power_w")', "smart_meter_circuit", by="circuit_name"), "$tag_circuit_name")],
                width=16,
                height=10,
                stacked=True,
                interval="5m",
            ),
            p.ranking(
                "Circuits and plugs now",
                [ask('SELECT last("power_w") FROM "smart_meter_circuit" WHERE $timeFilter GROUP BY "circuit_name"', "$tag_circuit_name")],
                "watt",
                time_from="30m",
            ),
        ],
        [
            p.table(
                "Devices, by what they add when they begin",
                [
                    ask(
                        'SELECT count("power_delta_w") AS "Times", mean("power_delta_w") AS "Mean step", max("power_delta_w") AS "Largest" '
                        'FROM "event_energy_correlation" WHERE $timeFilter AND "power_delta_w" > 0 GROUP BY "entity_id"',
                        shape="table",
                    )
                ],
                width=12,
                units=[("Mean step", "watt"), ("Largest", "watt")],
            ),
            p.table(
                "Power changes",
                [ask(f"{CORRELATIONS} ORDER BY time DESC LIMIT 200", shape="table")],
                width=12,
                units=[("power_before_w", "watt"), ("power_after_w", "watt"), ("power_delta_w", "watt"), ("power_delta_pct", "percent")],
            ),
        ],
        [
            p.bars(
                "Energy by day, and over seven days",
                [ask(per_day(), "kWh a day"), ask(per_day(f"moving_average({DAY}, 7)"), "mean of 7 days")],
                "kwatth",
                time_from="30d",
                overrides=[
                    {
                        "matcher": {"id": "byName", "options": "mean of 7 days"},
                        "properties": [
                            {"id": "custom.drawStyle", "value": "line"},
                            {"id": "custom.lineWidth", "value": 2},
                            {"id": "custom.fillOpacity", "value": 0},
                        ],
                    }
                ],
            ),
            p.bars("Cost by day", [ask(COSTS, "cost")], "none", decimals=2, time_from="30d", description=p.AT_PRICE),
        ],
        [
            p.bars_by_name(
                "Cost by week", [ask(COSTS, "cost")], "none", "Time", decimals=2, time_from="12w", transformations=p.by_calendar("GGGG-[W]WW", "cost")
            ),
            p.bars_by_name("Cost by month", [ask(COSTS, "cost")], "none", "Time", decimals=2, time_from="1y", transformations=p.by_calendar("YYYY-MM", "cost")),
        ],
        [
            p.bars(
                "Phantom load by day",
                [ask(over_time('min("total_power_w")', "smart_meter", METER, step="1d", fill="none", zone=True), "least power of the day")],
                "watt",
                width=24,
                time_from="30d",
            )
        ],
    ]


def annotations():
    query = f'SELECT "power_delta_w" AS "text", "entity_id" AS "what", "state" AS "tags" FROM "event_energy_correlation" WHERE $timeFilter AND {BIG} LIMIT 500'
    target = {
        "query": query,
        "rawQuery": True,
        "textEditor": True,
        "fromAnnotations": True,
        "resultFormat": "table",
        "textColumn": "what",
        "tagsColumn": "tags",
    }
    return [p.annotation("Correlations", KIND, target)]


def dashboard():
    return p.dashboard(
        UID, "Wattribute: the house (InfluxDB)", "The house, its circuits and what changed its power, from InfluxDB.", KIND, rows(), variables(), annotations()
    )


def rules():
    def model(query):
        return {"query": query, "rawQuery": True, "resultFormat": "time_series"}

    # The house, and none of the meters it is worked out from.
    house = "\"meter_type\" = 'wattribute'"
    power = f'SELECT mean("total_power_w") FROM "smart_meter" WHERE $timeFilter AND {house} GROUP BY time(1m) fill(none)'
    # The least of each ten minutes: a mean would hide that it was off in between.
    circuits = 'SELECT min("power_w") FROM "smart_meter_circuit" WHERE $timeFilter GROUP BY time(10m), "circuit_name" fill(none)'
    return [
        rule(
            UID,
            "high-use",
            "The house draws much",
            model(power),
            seconds=600,
            reducer="mean",
            above=8000,
            at_least=5,
            lasts="5m",
            summary='The house draws {{ printf "%.0f" .Values.B.Value }} W',
        ),
        rule(
            UID,
            "left-on",
            "Something has been on for hours",
            model(circuits),
            seconds=6 * 3600,
            reducer="min",
            above=100,
            # Six hours touch 37 of them: a gap of twenty minutes is too long.
            at_least=36,
            lasts="1m",
            summary="{{ .Labels.circuit_name }} has drawn more than 100 W for six hours",
            description='Exclude what always does: AND "circuit_name" !~ /fridge/.',
        ),
        rule(
            UID,
            "no-data",
            "The meter says nothing",
            model(power),
            seconds=900,
            reducer="count",
            below=1,
            lasts="5m",
            tells_silence=True,
            summary="No power of the house for 15 minutes, or InfluxDB does not answer",
        ),
    ]
