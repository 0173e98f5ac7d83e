"""Lets tinytuya read what our tests emulate: device ID KEY PORT VERSION, or packet HEX."""

import json
import sys

import tinytuya


def device(identity, key, port, version):
    plug = tinytuya.Device(identity, "127.0.0.1", key, version=float(version), port=int(port), persist=True, connection_timeout=3)
    before = plug.status()
    plug.updatedps([18, 19, 20], nowait=True)
    plug.heartbeat()
    plug.set_value(1, False, nowait=True)
    after = {}
    # What it pushes comes in between.
    for _ in range(10):
        after = (plug.status() or {}).get("dps", {})
        if len(after) == 4 and after.get("1") is False:
            break
    return {"before": (before or {}).get("dps", before), "after": after}


def packet(text):
    return json.loads(tinytuya.decrypt_udp(bytes.fromhex(text)))


print(json.dumps({"device": device, "packet": packet}[sys.argv[1]](*sys.argv[2:])))
