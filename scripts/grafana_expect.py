"""What the dashboards and alert rules are to say of the days of grafana_days.py, asked of a real server. Each of these once said something else."""

import argparse
import math
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE / "contrib" / "grafana"))

import check  # noqa: E402
import grafana_days as made  # noqa: E402
import make  # noqa: E402
from states import states  # noqa: E402


class Seen:
    """A dashboard and its rules as a server answers them."""

    def __init__(self, name, url, days, database=None, token=None):
        options = argparse.Namespace(**{name: url}, token=token, database=database, var=[], timezone="UTC", metrics=[])
        self.name, self.days, self.part, self.asked = name, days, make.PARTS[name], check.Asked(options, name)
        self.wrong = []

    def is_so(self, what, found, wanted):
        if found != wanted:
            self.wrong.append(f"{self.name}: {what}: {found}, and not {wanted}")

    def is_about(self, what, found, wanted, within=0.01):
        if found is None or not math.isclose(found, wanted, rel_tol=within, abs_tol=0.001):
            self.wrong.append(f"{self.name}: {what}: {found}, and not about {wanted}")

    def panel(self, title, end=None, query=0):
        """What a panel's query returns at an instant, a series each: its labels, and its points that are known."""
        end = end or self.days.end
        panel = next(panel for panel in self.part.dashboard()["panels"] if panel["title"] == title)
        since = end // made.DAY * made.DAY if panel.get("timeFrom") == "now/d" else end - (check.span(panel.get("timeFrom")) or made.DAY)
        found = self.asked.series(panel["targets"][query], since, end)
        return [(labels, [(at, value) for at, value in points if value is not None and not math.isnan(value)]) for labels, points in found]

    def newest(self, title, end=None):
        """The newest value of a panel; None where it would say that there is none."""
        values = [value for _, points in self.panel(title, end) for _, value in sorted(points)]
        return values[-1] if values else None

    def rule(self, name, at=None):
        """The labels of what a rule tells of at an instant."""
        rule = next(rule for rule in self.part.rules() if rule["uid"].endswith(f"-{name}"))
        return [dict(labels) for labels, state in states(self.asked, rule, at or self.days.end).items() if state == "Alerting"]

    def told(self, at):
        """Which rules tell of anything at an instant."""
        return [rule["uid"].removeprefix(f"{self.part.UID}-") for rule in self.part.rules() if self.rule(rule["uid"].removeprefix(f"{self.part.UID}-"), at)]


def everywhere(seen):
    """What is to be so whatever keeps the data."""
    days = seen.days
    seen.is_about("power now", seen.newest("Power now"), days.house(days.end))
    seen.is_so("power now of an exporter that is dead", seen.newest("Power now", days.dead), None)
    seen.is_about("energy today", seen.newest("Today"), days.by_day()[days.end // made.DAY * made.DAY])
    seen.is_about("cost today", seen.newest("Cost today"), 0.3 * days.by_day()[days.end // made.DAY * made.DAY])
    seen.is_so("high use, with a minute missing", seen.rule("high-use", days.high) != [], True)
    seen.is_so("high use, of one known minute", seen.rule("high-use", days.hardly_known), [])
    seen.is_so("high use, of a house that does not", seen.rule("high-use"), [])
    seen.is_so("left on", [next((name for name in made.EVERY_DEVICE if name in str(labels)), labels) for labels in seen.rule("left-on")], [made.STEADY])
    seen.is_so("rules that tell that the exporter is dead", seen.told(days.dead), ["no-data"])
    setattr(seen.asked.options, seen.name, "http://127.0.0.1:9")
    found = [state for rule in seen.part.rules() for state in states(seen.asked, rule, days.end).values()]
    seen.is_so("rules that tell that the server does not answer", [state for state in found if state != "KeepLast"], ["Alerting"])


def graphite(seen):
    days, names = seen.days, sorted(f"wattribute.{name}" for name in made.EVERY_DEVICE)
    devices = seen.panel("Devices")
    seen.is_so("devices, each once and no meter", sorted(labels["target"] for labels, _ in devices), names)
    seen.is_so("devices of today", sorted(labels["target"] for labels, _ in seen.panel("Devices today")), names)
    seen.is_about("power of devices", sum(max(points)[1] for _, points in devices), sum(days.device(name, days.end) for name in made.EVERY_DEVICE))
    seen.asked.variables["source"] = "{http,kasa}"
    found = {labels["target"] for labels, _ in seen.panel("Devices")}
    seen.is_so("devices of sources that hear the house's meter and the sun", found, {"kasa.kettle", "kasa.tv", f"kasa.{made.STEADY}"})
    del seen.asked.variables["source"]
    rule = next(rule for rule in seen.part.rules() if rule["uid"].endswith("-left-on"))
    model = rule["data"][0]["model"]
    model["target"] = model["target"].replace(".wattribute.", ".nobody.")
    found = [dict(labels)["name"] for labels, state in states(seen.asked, rule, days.end).items() if state == "Alerting"]
    seen.is_so("left on, of what sources say while nothing was learned", f"{made.PREFIX}.kasa.{made.STEADY}.is_on" in found, True)
    energies(seen, "Energy by day, and over seven days")


def influxdb(seen):
    seen.is_so("the meter that is shown first", seen.asked.variables["meter"], "wattribute")
    energies(seen, "Energy by day, and over seven days")


def energies(seen, title):
    """Energies of whole days, of which one has an outage."""
    # Graphite's days begin with their first point.
    found, wanted = {int(at) // made.DAY * made.DAY: value for _, points in seen.panel(title) for at, value in points}, seen.days.by_day()
    for day, energy in wanted.items():
        seen.is_about(f"energy of the day that began at {day}", found.get(day), energy)


def prometheus(seen):
    days = seen.days
    watts = {name: days.device(name, days.end) for name in made.EVERY_DEVICE}
    of = lambda title: {labels["name"]: value for labels, points in seen.panel(title) for _, value in points}
    now = of("Devices now")
    seen.is_so("devices now, of three ports of one process", now, {name: value for name, value in watts.items() if value})
    seen.is_so("devices on", seen.newest("Devices on"), sum(1 for value in watts.values() if value))
    for title, wanted in (("Sources up", 2), ("Sources away", 1), ("Dependencies down", 1)):
        seen.is_so(title, seen.newest(title), wanted)
    for title, wanted in (("Readings a minute", 60), ("Readings a second", 1), ("Requests a second", 1)):
        seen.is_about(title, seen.newest(title), wanted, 0.02)
    seen.is_so("sources", len(seen.panel("Sources")), 3)
    of_day = of("Devices, the last day")
    for name in made.EVERY_DEVICE:
        minutes = [days.device(name, at) or 0 for at in range(days.end - made.DAY, days.end + 1, made.MINUTE)]
        seen.is_about(f"energy of the {name} in a day with gaps", of_day.get(name), sum(minutes) / 60 / 1000, 0.02)
    known = sorted(days.house(at) for at in days.instants(days.end - made.DAY) if days.house(at) is not None)
    seen.is_about("phantom load of a day with a gap", seen.newest("Phantom load"), known[len(known) // 20], 0.05)
    seen.is_so("a meter that is silent, with the exporter alive", seen.told(days.outage[300 * made.MINUTE]), ["meter"])
    seen.is_so("a meter while the sun gives more", seen.rule("meter", days.sunny), [])


def expect(name, url, days, **more):
    """Says what is wrong, and ends there."""
    seen = Seen(name, url, days, **more)
    {"graphite": graphite, "influxdb": influxdb, "prometheus": prometheus}[name](seen)
    everywhere(seen)
    for wrong in seen.wrong:
        print(wrong, file=sys.stderr)
    if seen.wrong:
        raise SystemExit(1)
    print(f"{name}: says of gaps, meters, ports and a dead exporter what is so")
