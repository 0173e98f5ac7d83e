#!/usr/bin/env python3
"""Switches the loads of a test house over Home Assistant's REST API for half a minute, and waits until they are recorded."""

import json
import os
import random
import time
import urllib.request

URL, TOKEN = os.environ["HOME_ASSISTANT_URL"], os.environ["HOME_ASSISTANT_TOKEN"]
LOADS = ["switch.kettle", "switch.heater", "light.hall_lamp"]
TIMES = 36


def call(entity_id, service):
    request = urllib.request.Request(
        f"{URL}/api/services/{entity_id.split('.')[0]}/{service}",
        data=json.dumps({"entity_id": entity_id}).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def main():
    random.seed(1)
    on = set()
    for k in range(TIMES):
        entity_id = LOADS[k % len(LOADS)]
        call(entity_id, "turn_off" if entity_id in on else "turn_on")
        on ^= {entity_id}
        time.sleep(random.uniform(0.6, 1.1))
    # The recorder writes every 5 s.
    time.sleep(8)


main()
