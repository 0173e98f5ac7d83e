"""sense_energy as a client of the emulator of Sense's cloud: logs in, renews its token, reads one frame and prints it as JSON.

Usage: sense.py API FEED EMAIL PASSWORD. The emulator speaks no TLS.
"""

import asyncio
import json
import sys

from sense_energy import asyncsenseable

api, feed, email, password = sys.argv[1:]
asyncsenseable.API_URL = api + "/"
asyncsenseable.WS_URL = feed + "/monitors/%s/realtimefeed?access_token=%s"
asyncsenseable.get_ssl_context = lambda verify, file: None


async def main():
    sense = asyncsenseable.ASyncSenseable()
    await sense.authenticate(email, password)
    before = sense.sense_access_token
    await sense.renew_auth()
    await sense.update_realtime()
    await sense._client_session.close()
    said = {
        "power_w": sense.active_power,
        "voltage_v": sense.active_voltage,
        "frequency_hz": sense.active_frequency,
        "on": [name for name in sense.active_devices if name],
        "renewed": sense.sense_access_token != before,
    }
    print(json.dumps(said))


asyncio.run(main())
