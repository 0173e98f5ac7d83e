#!/usr/bin/env python3
"""Lets a real Home Assistant load the blueprints and example automations of docs/ and act on Wattribute's events.

    scripts/check-blueprints.py [VERSION...]     (default 2026.11.0; needs ha-lab in $SHARED, default ../shared; skipped without)
"""

import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAB = pathlib.Path(os.environ.get("SHARED", ROOT / ".." / "shared")) / "ha-lab" / "ha-lab"
INSTALLS = pathlib.Path(os.environ.get("HA_LAB_HOME", "/tmp/ha-lab"))
PORT = os.environ.get("HA_LAB_PORT", "8430")
BLUEPRINTS = ROOT / "docs/blueprints/automation/wattribute"
EXAMPLES = ROOT / "docs/examples/automations.yaml"
# Beside the examples: an input of every kind that they leave at its default.
MORE = """
- id: wattribute_check_left_on
  alias: Switch off the kettle
  use_blueprint:
    path: wattribute/left_on.yaml
    input:
      entities: [switch.kettle]
      switch_off: true
"""


def utc(ago_s=0):
    return (datetime.now(timezone.utc) - timedelta(seconds=ago_s)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def alert(kind, on, entity_id=None, **more):
    what = {"kind": kind, "on": on, "entity_id": entity_id, "name": "Home", "power_w": 11250.0, "threshold_w": 10000.0}
    return {**what, "since": utc(7200), "usual_on_h": None, "message": f"{kind} says so", "is_demo": False, **more}


def correlation(entity_id, **more):
    what = {"entity_id": entity_id, "name": "Kettle", "previous_state": "off", "state": "on", "power_before_w": 120.0}
    what |= {"power_after_w": 2120.0, "power_delta_w": 2000.0, "power_delta_pct": 1666.7, "standard_error_w": 1.5, "verdict": "clean"}
    what |= {"explained_w": 2000.0, "at": utc(360), "is_demo": False, "cost_per_hour": 0.64, "currency": "EUR"}
    return what | more


class HomeAssistant:
    """One running Home Assistant, over REST and WebSocket."""

    def __init__(self, session, url, token):
        self.session, self.url, self.token = session, url, token
        self.headers = {"Authorization": f"Bearer {token}"}
        self.commands = 0

    async def connect(self):
        self.socket = await self.session.ws_connect(f"{self.url}/api/websocket")
        await self.socket.receive_json()
        await self.socket.send_json({"type": "auth", "access_token": self.token})
        assert (await self.socket.receive_json())["type"] == "auth_ok", "the lab's token is not taken"

    async def command(self, type, **more):
        self.commands += 1
        await self.socket.send_json({"id": self.commands, "type": type, **more})
        while (answer := await self.socket.receive_json()).get("id") != self.commands:
            pass
        assert answer["success"], answer
        return answer["result"]

    async def post(self, path, body=None):
        async with self.session.post(f"{self.url}/api/{path}", json=body or {}, headers=self.headers) as answer:
            assert answer.status < 300, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def state(self, entity_id):
        async with self.session.get(f"{self.url}/api/states/{entity_id}", headers=self.headers) as answer:
            return await answer.json() if answer.status == 200 else {"state": None, "attributes": {}}

    async def automations(self):
        async with self.session.get(f"{self.url}/api/states", headers=self.headers) as answer:
            return {s["attributes"].get("id"): s for s in await answer.json() if s["entity_id"].startswith("automation.")}

    async def notices(self):
        notices = await self.command("persistent_notification/get")
        return [f"{n['title']}: {n['message']}" for n in notices]


async def until(what, asked, wanted):
    """Asks until the answer is as wanted, for at most 15 s."""
    for _ in range(150):
        answer = await asked()
        if wanted(answer):
            return print(f"  {what}")
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: not so; last {answer}")


async def check(config, url, token):
    import aiohttp

    folder = config / "blueprints/automation/wattribute"
    shutil.copytree(BLUEPRINTS, folder, dirs_exist_ok=True)
    text = EXAMPLES.read_text() + MORE
    (config / "wattribute_examples.yaml").write_text(text)
    (config / "packages/wattribute_examples.yaml").write_text("automation: !include ../wattribute_examples.yaml\n")
    async with aiohttp.ClientSession() as session:
        home = HomeAssistant(session, url, token)
        await home.connect()
        listed = await home.command("blueprint/list", domain="automation")
        for file in sorted(BLUEPRINTS.glob("*.yaml")):
            blueprint = listed.get(f"wattribute/{file.name}", {"error": "not listed"})
            assert "error" not in blueprint, f"{file.name}: {blueprint}"
            print(f"  blueprint {file.name} is accepted")
        checked = await home.post("config/core/check_config")
        assert checked["result"] == "valid", checked
        await home.post("services/automation/reload")
        ids = [line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("- id: ")]
        await until(f"{len(ids)} automations are on", home.automations, lambda a: all(a.get(i, {}).get("state") == "on" for i in ids))
        await act(home)


async def act(home):
    says = lambda text: lambda notices: any(text in notice for notice in notices)
    silent = lambda text: lambda notices: not any(text in notice for notice in notices)
    fire = lambda event, data: home.post(f"events/{event}", data)

    await fire("wattribute_alert", alert("high_consumption", True))
    await until("high consumption is told", home.notices, says("High consumption: high_consumption says so"))
    await fire("wattribute_alert", alert("high_consumption", False, power_w=900.0))
    await until("and its end", home.notices, silent("High consumption:"))

    await fire("wattribute_alert", alert("phantom_load", True, power_w=149.0, threshold_w=100.0, message="too little"))
    await fire("wattribute_alert", alert("phantom_load", True, power_w=231.0, threshold_w=200.0))
    await until("phantom load is told", home.notices, says("High phantom load: phantom_load says so: 2025 kWh a year"))
    assert not any("too little" in notice for notice in await home.notices()), "a phantom load below the limit was told"

    await home.post("services/switch/turn_on", {"entity_id": "switch.kettle"})
    await until("the kettle is on", lambda: home.state("switch.kettle"), lambda s: s["state"] == "on")
    await fire("wattribute_alert", alert("left_on", True, "light.hall_lamp", name="Hall lamp", power_w=12.0, threshold_w=None, usual_on_h=0.4))
    await fire("wattribute_alert", alert("left_on", True, "switch.kettle", power_w=None, threshold_w=None, message="The kettle is on"))
    await until("left on is told", home.notices, says("Left on: left_on says so"))
    await until("the kettle is switched off", lambda: home.state("switch.kettle"), lambda s: s["state"] == "off")
    await fire("wattribute_alert", alert("left_on", False, "light.hall_lamp", name="Hall lamp"))
    await until("and when it is off again", home.notices, silent("Left on: left_on"))

    # On for six minutes; off when the event comes.
    await fire("wattribute_correlation", correlation("switch.kettle"))
    await until("the cost of an activation is told", home.notices, says("Cost of Kettle: Kettle was on for 6.0 minutes: 0.2"))
    told = next(notice for notice in await home.notices() if "Cost of Kettle" in notice)
    assert told.endswith("0.06 EUR"), told
    await until("and what it costs an hour", home.notices, says("Kettle: 2000 W, 0.64 EUR an hour"))
    # Still on when the event comes, and no price.
    await home.post("services/switch/turn_on", {"entity_id": "switch.heater"})
    priceless = {"name": "Heater", "at": utc(0), "power_delta_w": 1500.0, "cost_per_hour": None, "currency": None}
    await fire("wattribute_correlation", correlation("switch.heater", **priceless))
    await fire("wattribute_correlation", correlation("switch.kettle", name="Small", power_delta_w=400.0))
    waits = lambda a: a["wattribute_cost_of_activation"]["attributes"].get("current") == 1
    await until("it waits while it is on", home.automations, waits)
    assert not any("Heater" in notice or "Small" in notice for notice in await home.notices()), "told before it was off"
    await home.post("services/switch/turn_off", {"entity_id": "switch.heater"})
    await until("and tells when it is off", home.notices, says("Cost of Heater: Heater was on for 0."))
    assert not any("Heater" in notice and "EUR" in notice for notice in await home.notices()), "a cost without a price"

    limit = "binary_sensor.wattribute_high_consumption"
    await home.post(f"states/{limit}", {"state": "off"})
    await home.post(f"states/{limit}", {"state": "on"})
    triggered = lambda a: a["wattribute_shed_load"]["attributes"].get("last_triggered")
    await until("the binary sensor of MQTT sheds load", home.automations, triggered)
    lamp = {"state": "on", "attributes": {"friendly_name": "Cellar light left on"}}
    await home.post("states/binary_sensor.wattribute_cellar_light_left_on", lamp)
    report = (await home.automations())["wattribute_night_report"]["entity_id"]
    await home.post("services/automation/trigger", {"entity_id": report, "skip_condition": False})
    await until("the report of the night names it", home.notices, says("Left on: Cellar light left on"))


def main():
    if not LAB.exists():
        return print("check-blueprints: skipped, there is no ha-lab in $SHARED or ../shared")
    for version in sys.argv[1:] or ["2026.11.0"]:
        config = pathlib.Path(tempfile.gettempdir()) / "wattribute-check-blueprints" / version
        python = INSTALLS / version / "venv/bin/python"
        lab = [str(LAB), "--ha", version, "--config", str(config), "--port", PORT, "--no-mqtt"]
        print(f"Home Assistant {version}:", flush=True)
        try:
            said = subprocess.run([*lab, "--fresh", "start"], check=True, stdout=subprocess.PIPE, text=True).stdout
            told = dict(line.split("=", 1) for line in said.splitlines())
            told = {name: value.strip("'\"") for name, value in told.items()}
            # Home Assistant's own Python has aiohttp.
            environment = {**os.environ, **told, "CHECK_CONFIG": str(config)}
            done = subprocess.run([str(python), __file__, "--within"], env=environment)
        finally:
            subprocess.run([*lab, "stop"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode:
            sys.exit(f"check-blueprints: Home Assistant {version} does not act as it should")


if __name__ == "__main__":
    if sys.argv[1:] == ["--within"]:
        config = pathlib.Path(os.environ["CHECK_CONFIG"])
        asyncio.run(check(config, os.environ["HOME_ASSISTANT_URL"], os.environ["HOME_ASSISTANT_TOKEN"]))
    else:
        main()
