"""PyEmVue, with pycognito and boto3, as a client of the emulator of Emporia's cloud: logs in and prints what it reads, as JSON.

Usage: emporia.py URL EMAIL PASSWORD. Left out: the check of the tokens' signatures, whose keys are Amazon's.
"""

import json
import os
import sys

url, email, password = sys.argv[1:]
os.environ.update(
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=url,
    AWS_ACCESS_KEY_ID="none",
    AWS_SECRET_ACCESS_KEY="none",
    AWS_EC2_METADATA_DISABLED="true",
    NO_PROXY="127.0.0.1",
)

import pycognito  # noqa: E402
import pyemvue  # noqa: E402
from pyemvue import auth, pyemvue as client  # noqa: E402

pycognito.Cognito.verify_token = lambda self, token, name, use: setattr(self, name, token)
auth.Auth._decode_token = lambda self, token, verify_exp=False: {"exp": 4_000_000_000}
client.API_ROOT = url

vue = pyemvue.PyEmVue()
if not vue.login(username=email, password=password):
    print(json.dumps({"login": False}))
    sys.exit(0)


def walk(devices, found):
    for gid, device in devices.items():
        for number, channel in device.channels.items():
            found[f"{gid}/{number}"] = channel.usage * 60_000
            walk(channel.nested_devices, found)
    return found


gids = sorted({device.device_gid for device in vue.get_devices()})
usage = vue.get_device_list_usage(deviceGids=gids, instant=None, scale="1MIN", unit="KilowattHours")
print(json.dumps({"login": True, "gids": gids, "power_w": walk(usage, {})}))
