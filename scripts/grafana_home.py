"""A week of a made-up home as a history (CSV), and what it takes to run Wattribute on it beside Carbon."""

import csv
import datetime
import json
import math
import random
import subprocess
import sys
import time

from servers import free_port

DAYS = 8
STEP = 10
LOADS = {"switch.kettle": 2000, "switch.heater": 900, "light.lamp": 40}
WATTS = {"unit_of_measurement": "W", "device_class": "power", "state_class": "measurement"}
KWH = {"unit_of_measurement": "kWh", "device_class": "energy", "state_class": "total_increasing"}
PAGE = """
import http.server, json, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"power": 85.5}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


def rows(end):
    """(entity, state, instant, attributes): the house every STEP s, things switched at random, a plug that measures the kettle, a counter."""
    chance, begin = random.Random(1), end - DAYS * 86400
    on = dict.fromkeys(LOADS, False)
    turns = {entity: begin + 600 + 997 * k for k, entity in enumerate(LOADS)}
    kwh = 1000.0
    for at in range(begin, end, STEP):
        for entity in LOADS:
            if at >= turns[entity]:
                on[entity] = not on[entity]
                turns[entity] = at + chance.randint(300, 900 if on[entity] else 5400)
                yield entity, "on" if on[entity] else "off", at, {"friendly_name": entity.split(".")[1].title()}
                if entity == "switch.kettle":
                    yield "sensor.kettle_power", LOADS[entity] if on[entity] else 0, at, WATTS
        power = 150 + 20 * math.sin(at / 9000) + sum(watts for entity, watts in LOADS.items() if on[entity]) + chance.uniform(-2, 2)
        kwh += power * STEP / 3.6e6
        yield "sensor.house_power", f"{power:.1f}", at, WATTS
        if (at - begin) % 300 == 0:
            yield "sensor.house_energy", f"{kwh:.3f}", at, KWH


class Home:
    """Its files."""

    def __init__(self, folder, carbon):
        folder.mkdir()
        self.history, self.config, self.page_port = folder / "history.csv", folder / "wattribute.toml", free_port()
        with self.history.open("w", newline="") as file:
            sheet = csv.writer(file)
            sheet.writerow(["entity_id", "state", "last_updated", "attributes"])
            for entity, state, at, attributes in rows(int(time.time())):
                instant = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
                sheet.writerow([entity, state, instant, json.dumps(attributes)])
        listening = "".join(f'[{service}]\nlisten = "127.0.0.1:{free_port()}"\n' for service in ("meter", "correlator", "data_api", "dashboard"))
        self.config.write_text(
            f'data_dir = "{folder}/data"\n[home]\nmeter = "sensor.house_power"\ntime_zone = "UTC"\n{listening}'
            f'[graphite]\naddress = "127.0.0.1:{carbon}"\nbackfill = "7d"\n'
            f'[[http_source]]\nname = "oven"\nurl = "http://127.0.0.1:{self.page_port}/"\nevery = "5s"\nrole = "circuit"\n'
            'values = [{ quantity = "power_w", pointer = "/power" }]\n'
        )

    def page(self):
        """The page of a circuit, read live."""
        return subprocess.Popen([sys.executable, "-c", PAGE, str(self.page_port)])
