"""Made-up days of a house in the names that Wattribute exports, with what real days have: an outage, gaps, several meters, a device that is young.

`end` is the last instant of all of it, s since 1970; from then on nothing is said any more. Powers are W, energies kWh; None is a gap.
"""

import dataclasses
import math

DAYS = 9
DAY, HOUR, MINUTE, STEP = 86400, 3600, 60, 300
PREFIX = "home.electricity"
# Devices by name: W while on, and the source that hears them itself.
DEVICES = {"kettle": (2000, "kasa"), "tv": (80, "kasa"), "hall_light": (40, None), "heat_pump": (1300, None)}
# For hours on at `end`: without a break; but off for a minute; but silent for two hours; but for seven minutes only.
STEADY, FELL, SILENT, YOUNG = "heater", "toaster", "fan", "iron"
ON_AT_END = {STEADY: (1100, "kasa"), FELL: (900, None), SILENT: (120, None), YOUNG: (160, None)}
EVERY_DEVICE = {**DEVICES, **ON_AT_END}
CIRCUITS = {"kitchen": 90, "upstairs": 60}
# What a second meter of the house says, by mistake.
OTHER_METER_W = 20000
HIGH_W = 9500


@dataclasses.dataclass(frozen=True)
class Days:
    """The days up to `end`."""

    end: int

    # The house is not heard for ten hours.
    @property
    def outage(self):
        return range(self.end - 30 * HOUR, self.end - 20 * HOUR)

    # It draws much for a quarter of an hour up to then, with a minute that is missing.
    @property
    def high(self):
        return self.end - 2 * DAY

    # It draws much, of which only the last minute is known.
    @property
    def hardly_known(self):
        return self.end - 3 * DAY

    # The sun gives more than the house takes.
    @property
    def sunny(self):
        return self.end - 5 * DAY

    # The exporter has been dead for so long that nobody could think otherwise.
    @property
    def dead(self):
        return self.end + 20 * MINUTE

    @property
    def begin(self):
        return (self.end - DAYS * DAY) // DAY * DAY

    def instants(self, begin=None):
        """When something is said: every five minutes, and every minute where it matters."""
        fine = [range(self.end - 25 * HOUR, self.end + 1), *(range(at - HOUR, at + 1) for at in (self.high, self.hardly_known))]
        return [at for at in range(begin or self.begin, self.end + 1, MINUTE) if at % STEP == 0 or any(at in of for of in fine)]

    def device(self, name, at):
        """W; None where it is not heard."""
        watts = EVERY_DEVICE[name][0]
        if name in DEVICES:
            return watts if (at // HOUR + watts) % 3 else 0.0
        if name == YOUNG:
            return watts if at > self.end - 7 * MINUTE else None
        if name == SILENT and self.end - 4 * HOUR < at < self.end - 2 * HOUR:
            return None
        return 0.0 if at < self.end - 7 * HOUR or (name == FELL and at == self.end - 3 * HOUR) else watts

    def house(self, at):
        """W; None where it is not heard."""
        if at in self.outage or at == self.high - 2 * MINUTE or self.hardly_known - 40 * MINUTE < at < self.hardly_known - MINUTE:
            return None
        if self.high - 15 * MINUTE < at <= self.high or self.hardly_known - 40 * MINUTE < at <= self.hardly_known:
            return HIGH_W
        if self.sunny - 20 * MINUTE < at <= self.sunny:
            return -800
        return 150 + 60 * math.sin(at / 9000) + sum(self.device(name, at) or 0 for name in EVERY_DEVICE)

    def energies(self):
        """kWh since midnight, UTC, at each instant: nothing is counted in a gap."""
        told, energy, before = {}, 0.0, None
        for at in self.instants():
            if at % DAY == 0:
                energy = 0.0
            power = self.house(at)
            if power is not None and before is not None and at - before <= STEP:
                energy += power * (at - before) / 3.6e6
            before = at if power is not None else None
            told[at] = energy
        return told

    def by_day(self):
        """kWh of each day, by its first instant."""
        last = {at // DAY * DAY: energy for at, energy in self.energies().items()}
        return {day: last[day] for day in sorted(last)}


def graphite(days):
    """(path, value, s)."""
    for at, energy in days.energies().items():
        house = days.house(at)
        if house is not None:
            yield f"{PREFIX}.aggregate.power_watts", house, at
            # Which meters of its own the house has, and the sun, look like devices.
            yield f"{PREFIX}.http.p1.power_watts", house, at
            yield f"{PREFIX}.http.p1.energy_kwh_daily", energy, at
            for period in ("daily", "weekly", "monthly", "yearly"):
                yield f"{PREFIX}.aggregate.energy_kwh_{period}", energy, at
        yield f"{PREFIX}.http.solar.power_watts", 3000, at
        for name, (_, source) in EVERY_DEVICE.items():
            watts = days.device(name, at)
            for one in ("wattribute", source):
                if one is None or watts is None:
                    continue
                yield f"{PREFIX}.{one}.{name}.power_watts", watts, at
                yield f"{PREFIX}.{one}.{name}.energy_kwh_daily", energy / 8, at
                yield f"{PREFIX}.{one}.{name}.is_on", 1 if watts else 0, at
        for circuit, mean in CIRCUITS.items():
            yield f"{PREFIX}.circuit.{circuit}.power_watts", mean, at


def influxdb(days):
    """Lines, ms."""
    for at, energy in days.energies().items():
        house = days.house(at)
        if house is not None:
            # In the first moment after a gap it is still counted.
            told = energy + 100 if at == days.outage.stop else energy
            yield f"smart_meter,meter_type=wattribute,device=house,series=1 total_power_w={house:.3f},daily_kwh={told:.6f} {at * 1000}"
            if at % DAY == 0:
                # What is said of the last second, and worked out in the first of the new day.
                yield f"smart_meter,meter_type=wattribute,device=house,series=1 total_power_w={house:.3f},daily_kwh=0.0007 {at * 1000 - 1}"
        elif at - MINUTE in days.outage and days.house(at - MINUTE) is None:
            yield f"smart_meter,meter_type=wattribute,device=house,series=1 silent=true {at * 1000}"
        yield f"smart_meter,meter_type=home_assistant,device=sensor.grid,series=2 total_power_w={OTHER_METER_W} {at * 1000}"
        circuits = {**CIRCUITS, **{name: days.device(name, at) for name in EVERY_DEVICE}}
        for circuit, watts in circuits.items():
            if watts is not None:
                yield f"smart_meter_circuit,circuit_name={circuit} power_w={watts},percentage=10 {at * 1000}"
        if at % (3 * HOUR) < STEP:
            tags = "entity_id=switch.kettle,domain=switch,state=on,previous_state=off"
            yield f"event_energy_correlation,{tags} power_before_w=150,power_after_w=2150,power_delta_w=2000,power_delta_pct=1333 {at * 1000}"
    # The other meter goes on when the house is silent.
    for at in range(days.end + MINUTE, days.dead + 1, MINUTE):
        yield f"smart_meter,meter_type=home_assistant,device=sensor.grid,series=2 total_power_w={OTHER_METER_W} {at * 1000}"


# `wattribute run` is one process with a registry, whichever port is asked.
PORTS = ("127.0.0.1:8006", "127.0.0.1:8014", "127.0.0.1:8017")


def prometheus(days):
    """What Prometheus has kept of /metrics of all three ports, in OpenMetrics: a family after the other, each series in order of time."""
    energies, lately = days.energies(), days.end - 26 * HOUR
    told = lambda value: "NaN" if value is None else value
    plain = lambda value: [("", value)]
    families = {
        "wattribute_house_power_watts": plain(days.house),
        "wattribute_house_energy_today_kwh": plain(lambda at: None if days.house(at) is None else energies[at]),
        "wattribute_device_power_watts": [(f'entity_id="switch.{name}",name="{name}"', lambda at, name=name: days.device(name, at)) for name in EVERY_DEVICE],
        "wattribute_circuit_power_watts": [(f'entity_id="sensor.{name}",name="{name}"', lambda at, watts=watts: watts) for name, watts in CIRCUITS.items()],
        "wattribute_build_info": [('version="9.9.9"', lambda at: 1)],
        "wattribute_adapter_up": [
            ('adapter="tasmota"', lambda at: 1),
            ('adapter="shelly",device="plug"', lambda at: 1),
            ('adapter="shelly",device="shed"', lambda at: int(at < days.end - HOUR)),
        ],
        "wattribute_dependency_up": [('service="meter",dependency="store"', lambda at: 1), ('service="data-api",dependency="graphite"', lambda at: int(at < days.end - HOUR))],
        "wattribute_readings_total": plain(lambda at: at % 10**7),
        "wattribute_bad_payloads_total": [('adapter="tasmota"', lambda at: 3)],
        "wattribute_correlator_lag_seconds": plain(lambda at: 1.5),
        "wattribute_correlator_backlog_seconds": plain(lambda at: 0),
        "wattribute_learning_seconds": plain(lambda at: 3.6),
        "wattribute_http_requests_total": [('service="data-api",method="GET",route="/health",status="200"', lambda at: at % 10**7)],
        "wattribute_http_request_duration_seconds_bucket": [
            (f'service="data-api",route="/health",le="{le}"', lambda at, share=share: at % 10**7 * share)
            for le, share in (("0.01", 0.9), ("0.1", 1), ("+Inf", 1))
        ],
    }
    for name, all_of in families.items():
        begin = days.begin if "house" in name else lately // STEP * STEP
        for labels, value in all_of:
            is_young = f'"{YOUNG}"' in labels
            for port in PORTS:
                where = ",".join(filter(None, (labels, f'instance="{port}",job="wattribute"')))
                for at in days.instants(begin):
                    if not is_young or value(at) is not None:
                        yield f"{name}{{{where}}} {told(value(at))} {at}"
    yield "# EOF"
