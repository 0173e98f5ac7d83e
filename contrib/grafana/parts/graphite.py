"""The dashboard over Graphite. Names are those that Wattribute exports: <prefix>.<source>.<device>.<metric>, <prefix>.aggregate.<metric>."""

from . import panels as p
from .rules import rule

KIND = "graphite"
UID = "wattribute-graphite"
# What is no source of devices, or has them with the house's meter and the sun among them and again under `wattribute`.
NO_SOURCES = "aggregate|circuit|meter|home_assistant|demo"
NO_METERS = r'"\.($meters)\."'


def ask(target):
    return {"target": target, "textEditor": True}


def per_day(series):
    """What a counter of the day had come to at the end of each day, in Graphite's time zone."""
    return f'smartSummarize({series}, "1d", "max", "days")'


def newest(counter):
    """A counter's last word where several values share a pixel, and not their mean."""
    return f'consolidateBy({counter}, "last")'


def devices(metric, made=str):
    """Every device of the chosen sources, named source.device, with what is `made` of it. Under `wattribute` each stands once, and no meter of the house; other sources
    say whatever they hear."""
    return f'aliasByNode({made(f"exclude($prefix.$source.*.{metric}, {NO_METERS})")}, -3, -2)'


def aggregate(metric):
    return f"$prefix.aggregate.{metric}"


def variables():
    source = {
        "type": "query",
        "name": "source",
        "label": "Source",
        "description": "wattribute has each device once, learned or measured; the others say what they hear, the same devices and the house's meter among it. Choose either.",
        "datasource": p.datasource(KIND),
        "query": {"queryType": "Default", "target": "$prefix.*", "refId": "Source"},
        "regex": f"/^(?!({NO_SOURCES})$).*$/",
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": False,
        "current": {"selected": True, "text": ["wattribute"], "value": ["wattribute"]},
        "options": [],
        "hide": 0,
        "skipUrlSync": False,
    }
    prefix = p.textbox("prefix", "Prefix", "home.electricity", "As [graphite] has it, where it is another.")
    step = p.textbox("step_w", "Steps from, W", "50", "Learned devices that change by at least this are marked.")
    meters = p.textbox("meters", "No devices", "p1|mt681|grid|mains|solar|pv", "What of other sources than wattribute is no device, as the house's meter or the sun: names, with | between them.")
    return [prefix, source, meters, *p.price_variables(), step]


def rows():
    daily = aggregate("energy_kwh_daily")
    power = aggregate("power_watts")
    cost = f"scale({daily}, $price)"
    return [
        [
            p.stat("Power now", ask(power), "watt", graph=True, time_from=p.NOW, thresholds=[(3000, "yellow"), (8000, "red")]),
            p.stat("Today", ask(newest(daily)), "kwatth", decimals=2, time_from=p.TODAY),
            p.stat("Cost today", ask(newest(cost)), "none", decimals=2, time_from=p.TODAY, description=p.AT_PRICE),
            p.stat("This week", ask(newest(aggregate("energy_kwh_weekly"))), "kwatth", decimals=1, time_from=p.TODAY),
            p.stat("This month", ask(newest(aggregate("energy_kwh_monthly"))), "kwatth", decimals=1, time_from=p.TODAY),
            p.stat(
                "Phantom load",
                ask(f"nPercentile({power}, 5)"),
                "watt",
                time_from="24h",
                description="What the house draws at least, 95 % of the time of the last day.",
            ),
        ],
        [p.lines("The whole house", [ask(f'alias({power}, "House")')])],
        [
            p.lines("Devices", [ask(devices("power_watts"))], width=16, height=10, stacked=True),
            p.ranking("Devices today", [ask(f'sortByMaxima({devices("energy_kwh_daily", newest)})')], "kwatth", decimals=2, time_from=p.TODAY),
        ],
        [
            p.table(
                "Devices",
                [ask(devices("power_watts"))],
                width=12,
                units=[("Last *", "watt"), ("Mean", "watt"), ("Max", "watt")],
                transformations=[p.reduced("lastNotNull", "mean", "max")],
            ),
            p.lines("Circuits", [ask("aliasByNode($prefix.circuit.*.power_watts, -2)")], width=12, height=10),
        ],
        [
            p.bars(
                "Energy by day, and over seven days",
                [ask(f'alias({per_day(daily)}, "kWh a day")'), ask(f'alias(movingAverage({per_day(daily)}, 7), "mean of 7 days")')],
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
            p.bars("Cost by day", [ask(f'alias(scale({per_day(daily)}, $price), "cost")')], "none", decimals=2, time_from="30d"),
        ],
        [
            p.bars_by_name(
                "Cost by week",
                [ask(f'alias(scale({per_day(daily)}, $price), "cost")')],
                "none",
                "Time",
                decimals=2,
                time_from="12w",
                transformations=p.by_calendar("GGGG-[W]WW", "cost"),
            ),
            p.bars_by_name(
                "Cost by month",
                [ask(f'alias(scale({per_day(daily)}, $price), "cost")')],
                "none",
                "Time",
                decimals=2,
                time_from="1y",
                transformations=p.by_calendar("YYYY-MM", "cost"),
            ),
        ],
        [
            p.bars(
                "Phantom load by day",
                [ask(f'alias(smartSummarize({power}, "1d", "min", "days"), "least power of the day")')],
                "watt",
                width=24,
                time_from="30d",
            )
        ],
    ]


def annotations():
    changed = "aliasByNode(removeBelowValue(absolute(derivative(keepLastValue($prefix.wattribute.*.power_watts))), $step_w), -2)"
    return [p.annotation("Steps of devices", KIND, {"target": changed, "fromAnnotations": True, "textEditor": True})]


def dashboard():
    return p.dashboard(
        UID,
        "Wattribute: the house (Graphite)",
        "The house and its devices, from what Wattribute exports to Graphite.",
        KIND,
        rows(),
        variables(),
        annotations(),
    )


def rules():
    prefix = "home.electricity"
    model = lambda target: {"target": target, "textEditor": True}
    power = f"{prefix}.aggregate.power_watts"
    # Each device once; where nothing was learned yet, what the sources say.
    on = f'exclude(fallbackSeries({prefix}.wattribute.*.is_on, {prefix}.*.*.is_on), "fridge|freezer|router")'
    return [
        rule(
            UID,
            "high-use",
            "The house draws much",
            model(f'summarize({power}, "1min", "avg", true)'),
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
            # The least of each five minutes: a mean would hide that it was off in between. Ten minutes in all may be missing.
            model(f'aliasByNode(summarize({on}, "5min", "min", true), -3, -2)'),
            seconds=6 * 3600,
            reducer="min",
            above=0.5,
            at_least=70,
            lasts="1m",
            summary='{{ reReplaceAll "^.*\\\\.([^.]+)\\\\.is_on.*$" "$1" .Labels.name }} has been on for six hours',
            description="What is always on is excluded by its name in the query.",
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
            summary="No power of the house for 15 minutes, or Graphite does not answer",
        ),
    ]
