#!/usr/bin/env python3
"""Switches the loads of a test house over Home Assistant's REST API for some 75 s, while its base load wavers, and waits until all is recorded."""

import json
import os
import random
import time
import urllib.request

URL, TOKEN = os.environ["HOME_ASSISTANT_URL"], os.environ["HOME_ASSISTANT_TOKEN"]
LOADS = ["switch.kettle", "switch.heater", "light.hall_lamp"]
TIMES = 48
BASE_W = 120


def call(entity_id, service, **data):
    request = urllib.request.Request(
        f"{URL}/api/services/{entity_id.split('.')[0]}/{service}",
        data=json.dumps({"entity_id": entity_id, **data}).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def waver(seconds):
    """A meter that reports five times a second: no house stands still."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        call("input_number.base_w", "set_value", value=round(BASE_W + random.uniform(0, 5), 1))
        time.sleep(max(0, min(0.2, until - time.monotonic())))


def main():
    random.seed(1)
    on = set()
    waver(2)
    for k in range(TIMES):
        entity_id = LOADS[k % len(LOADS)]
        call(entity_id, "turn_off" if entity_id in on else "turn_on")
        on ^= {entity_id}
        waver(random.uniform(1.3, 1.7))
    # The recorder writes every 5 s.
    time.sleep(8)


main()
