"""Panels, variables and dashboards as Grafana's JSON has them. Units are Grafana's: watt, kwatth."""

SCHEMA_VERSION = 39
# What is shown as being so now is of these last minutes: what fell silent is not shown as if it still spoke.
NOW = "5m"
# The day so far, whatever range is chosen at the top.
TODAY = "now/d"
AT_PRICE = "Energy times the price above. What your tariff makes of it is in the dashboard over the data API."
# A panel's place is its width and height; they flow from left to right, 24 to a row.
WIDTH = 24


def datasource(kind):
    """The source that the viewer chose at the top."""
    return {"type": kind, "uid": "${datasource}"}


def panel(
    kind,
    title,
    targets,
    width,
    height,
    *,
    unit=None,
    decimals=None,
    description="",
    options=None,
    custom=None,
    overrides=(),
    transformations=(),
    time_from=None,
    interval=None,
    **defaults
):
    """One panel; `targets` are queries without refId, which is given here in their order."""
    field = {"color": {"mode": "palette-classic"}, "custom": custom or {}, **defaults}
    if unit:
        field["unit"] = unit
    if decimals is not None:
        field["decimals"] = decimals
    made = {
        "type": kind,
        "title": title,
        "description": description,
        "gridPos": {"w": width, "h": height, "x": 0, "y": 0},
        "targets": [{"refId": chr(ord("A") + at), **target} for at, target in enumerate(targets)],
        "fieldConfig": {"defaults": field, "overrides": list(overrides)},
        "options": options or {},
        "transformations": list(transformations),
    }
    if interval:
        made["interval"] = interval
    if time_from:
        made["timeFrom"] = time_from
    return made


def stat(title, target, unit, *, width=4, decimals=None, graph=False, thresholds=(), **more):
    """A figure: the newest value."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "textMode": "value",
        "colorMode": "value" if thresholds else "none",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "wideLayout": True,
    }
    steps = [{"color": "text" if not thresholds else "green", "value": None}] + [{"color": color, "value": value} for value, color in thresholds]
    more.setdefault("noValue", "no data")
    return panel("stat", title, [target], width, 4, unit=unit, decimals=decimals, options=options, thresholds={"mode": "absolute", "steps": steps}, **more)


def lines(title, targets, unit="watt", *, width=WIDTH, height=9, stacked=False, **more):
    """Lines over time, or areas upon each other. A gap stays a gap: nothing is drawn over what is not known."""
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "lineWidth": 1,
        "fillOpacity": 60 if stacked else 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, targets, width, height, unit=unit, custom=custom, options=options, **more)


def bars(title, targets, unit, *, width=12, height=8, **more):
    """Bars over time, a bar a day."""
    made = lines(title, targets, unit, width=width, height=height, **more)
    made["fieldConfig"]["defaults"]["custom"].update({"drawStyle": "bars", "fillOpacity": 80, "lineInterpolation": "linear", "barAlignment": 1})
    return made


def bars_by_name(title, targets, unit, x, *, width=12, height=8, **more):
    """Bars with a name each, such as that of a month."""
    options = {
        "orientation": "auto",
        "xField": x,
        "barWidth": 0.8,
        "groupWidth": 0.7,
        "showValue": "auto",
        "stacking": "none",
        "fullHighlight": False,
        "xTickLabelMaxLength": 0,
        "xTickLabelRotation": 0,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("barchart", title, targets, width, height, unit=unit, options=options, custom={"fillOpacity": 80, "lineWidth": 1}, **more)


def ranking(title, targets, unit, *, width=8, height=10, **more):
    """Horizontal bars, a series each: its newest value."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    }
    return panel(
        "bargauge",
        title,
        targets,
        width,
        height,
        unit=unit,
        options=options,
        min=0,
        thresholds={"mode": "absolute", "steps": [{"color": "blue", "value": None}]},
        **more
    )


def table(title, targets, *, width=WIDTH, height=10, units=(), **more):
    """Rows and columns; `units` are (column, unit) pairs."""
    overrides = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}, {"id": "decimals", "value": 1}]} for name, unit in units
    ]
    return panel("table", title, targets, width, height, options={"showHeader": True, "cellHeight": "sm"}, overrides=overrides, **more)


def reduced(*reducers):
    """A row for each series instead of a column."""
    return {"id": "reduce", "options": {"mode": "seriesToRows", "reducers": list(reducers), "labelsToFields": False}}


def by_calendar(pattern, field):
    """Sums of values a day, by week or month of the viewer's time zone: `pattern` is moment.js's."""
    return [
        {"id": "formatTime", "options": {"timeField": "Time", "outputFormat": pattern, "useTimezone": True}},
        {
            "id": "groupBy",
            "options": {"fields": {"Time": {"aggregations": [], "operation": "groupby"}, field: {"aggregations": ["sum"], "operation": "aggregate"}}},
        },
    ]


def textbox(name, label, value, description=""):
    """A variable that the viewer types."""
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "description": description,
        "query": value,
        "current": {"selected": True, "text": value, "value": value},
        "options": [{"selected": True, "text": value, "value": value}],
        "hide": 0,
        "skipUrlSync": False,
    }


def chosen_source(kind):
    """The variable that says which data source of its kind is asked."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": kind,
        "refresh": 1,
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "regex": "",
        "skipUrlSync": False,
    }


def dashboard(uid, title, description, kind, rows, variables=(), annotations=(), time="now-24h", refresh="30s"):
    """The whole: rows of panels get their places and numbers here."""
    panels, y = [], 0
    for row in rows:
        x = tallest = 0
        for one in row:
            if x + one["gridPos"]["w"] > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            one["gridPos"].update({"x": x, "y": y})
            one["id"] = len(panels) + 1
            one["datasource"] = datasource(kind)
            one["targets"] = [{"datasource": datasource(kind), **target} for target in one["targets"]]
            panels.append(one)
            x, tallest = x + one["gridPos"]["w"], max(tallest, one["gridPos"]["h"])
        y += tallest
    own = {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["wattribute"],
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": refresh,
        "time": {"from": time, "to": "now"},
        "timezone": "browser",
        "weekStart": "monday",
        "links": [
            {
                "type": "dashboards",
                "title": "Wattribute",
                "tags": ["wattribute"],
                "asDropdown": True,
                "icon": "external link",
                "includeVars": False,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "",
            }
        ],
        "templating": {"list": [chosen_source(kind), *variables]},
        "annotations": {"list": [own, *annotations]},
        "panels": panels,
    }


def annotation(name, kind, target, color="orange"):
    """Marks on every panel over time."""
    return {"name": name, "datasource": datasource(kind), "enable": True, "hide": False, "iconColor": color, "target": {"refId": "Anno", **target}}


def price_variables():
    """What a kWh costs, where the data do not say."""
    return [textbox("price", "Price of a kWh", "0.30", "In your currency; the dashboard over the data API has the costs of your tariff.")]
