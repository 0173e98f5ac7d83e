"""Reads one emulated device with python-kasa, after it has discovered it, and prints what it says of each plug: {name: [W, V, A, on]}.

Run by the test `python_kasa_reads_of_each_device_what_we_read` with {"port", "is_xor", "username", "password"} as JSON.
"""

import asyncio
import json
import sys

try:
    from kasa import Credentials, Discover, Module
except ImportError:
    print("SKIPPED: this Python has no python-kasa")
    sys.exit(0)


def rounded(value):
    return None if value is None else round(value, 3)


def plug(device, strip, number):
    energy = device.modules.get(Module.Energy)
    has_voltage = energy is not None and energy.supports(energy.ModuleFeature.VOLTAGE_CURRENT)
    return device.alias or f"{strip.alias} {number}", [
        rounded(energy.current_consumption) if energy else None,
        rounded(energy.voltage) if has_voltage else None,
        rounded(energy.current) if has_voltage else None,
        float(device.is_on),
    ]


async def main(asked):
    credentials = Credentials(asked["username"], asked["password"])
    if asked["is_xor"]:
        device = await Discover.discover_single("127.0.0.1", port=asked["port"], credentials=credentials)
    else:
        # The port is no parameter of it.
        Discover.DISCOVERY_PORT_2 = asked["port"]
        device = await Discover.discover_single("127.0.0.1", credentials=credentials)
    await device.update()
    outlets = device.children or [device]
    print(json.dumps(dict(plug(outlet, device, k + 1) for k, outlet in enumerate(outlets))))
    await device.disconnect()


asyncio.run(main(json.loads(sys.argv[1])))
