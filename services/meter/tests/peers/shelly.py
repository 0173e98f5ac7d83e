"""aioshelly and aiohttp as peers of the tests of the adapter `shelly`: prints what they understood, as JSON.

    shelly.py first PORT USER PASSWORD     a device of the first generation, over HTTP
    shelly.py rpc PORT USER PASSWORD       a later one, over WebSocket
    shelly.py digest PORT USER PASSWORD    a later one, over HTTP with digest authentication
    shelly.py listen PORT MAC              waits for a device that connects, and gives its first frame
    shelly.py connect PORT                 is a device that connects
"""

import asyncio
import json
import sys

import aiohttp
from aioshelly.block_device import BlockDevice
from aioshelly.common import ConnectionOptions, get_info
from aioshelly.exceptions import InvalidAuthError
from aioshelly.rpc_device import RpcDevice, WsServer


class AtPort:
    """A session that asks another port: aioshelly knows only port 80 for the first generation."""

    def __init__(self, session, port):
        self.session, self.port = session, port

    def request(self, method, url, **more):
        return self.session.request(method, url.with_port(self.port), **more)

    def get(self, url, **more):
        return self.session.get(url.with_port(self.port), **more)


class NoCoap:
    def subscribe_updates(self, _name, _listener):
        return lambda: None


async def first(session, port, user, password):
    session = AtPort(session, int(port))

    async def read(password):
        device = BlockDevice(NoCoap(), session, ConnectionOptions("127.0.0.1", user, password))
        device._shelly = await get_info(session, "127.0.0.1")
        await device.update_settings()
        await device.update_status()
        return device

    device = await read(password)
    try:
        await read(password + "x")
        refused = False
    except InvalidAuthError:
        refused = True
    device.initialized = True
    return {"model": device.model, "status": device.status, "refused": refused}


async def rpc(session, port, user, password):
    async def read(password):
        login = {"username": user, "password": password} if password else {}
        options = ConnectionOptions("127.0.0.1", port=int(port), **login)
        device = await RpcDevice.create(session, None, options)
        await device.initialize()
        return device

    device = await read(password)
    refused = False
    if password:
        try:
            await read(password + "x")
        except InvalidAuthError:
            refused = True
    said = {"model": device.model, "name": device.name, "status": device.status, "refused": refused}
    await device.shutdown()
    return said


async def digest(_session, port, user, password):
    async def read(password):
        login = aiohttp.DigestAuthMiddleware(login=user, password=password)
        async with aiohttp.ClientSession(middlewares=(login,)) as session:
            async with session.get(f"http://127.0.0.1:{port}/rpc/Shelly.GetStatus") as answer:
                return answer.status, await answer.json(content_type=None) if answer.status == 200 else None

    (_, status), (refusal, _) = await read(password), await read(password + "x")
    return {"status": status, "refused": refusal == 401}


async def listen(_session, port, mac):
    server, heard = WsServer(), asyncio.get_running_loop().create_future()
    server.subscribe_updates(mac, lambda frame: heard.done() or heard.set_result(frame))
    await server.initialize(int(port))
    return await asyncio.wait_for(heard, 15)


async def connect(session, port):
    url = f"ws://127.0.0.1:{port}/shelly/ws"
    for _ in range(200):
        try:
            socket = await session.ws_connect(url, protocols=["json-rpc"])
            break
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    params = {"ts": 1.0, "switch:0": {"id": 0, "output": True, "apower": 33.5}}
    await socket.send_json({"src": "shellyplus1pm-a0b1c2000099", "dst": "ws", "method": "NotifyFullStatus", "params": params})
    asked = ""
    while asked not in ("Shelly.GetConfig", "Shelly.GetStatus"):
        asked = (await socket.receive_json(timeout=10))["method"]
    said = {"protocol": socket.protocol, "asked": asked}
    await socket.close()
    return said


async def main():
    mode, *arguments = sys.argv[1:]
    async with aiohttp.ClientSession() as session:
        said = await {"first": first, "rpc": rpc, "digest": digest, "listen": listen, "connect": connect}[mode](session, *arguments)
    print(json.dumps(said))


asyncio.run(main())
