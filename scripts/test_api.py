#!/usr/bin/env python3
"""The described API against the running program, as others use it.

Starts the demo on free ports and waits until devices are learned, then
1. lets schemathesis (PyPI) ask everything that the descriptions of all services allow and much that they do not;
2. generates clients with openapi-typescript and openapi-python-client, compiles them and asks with them;
3. runs every curl example of docs/API.md and docs/TARIFFS.md.

WATTRIBUTE_BIN names the program. Only 127.0.0.1 is spoken to; packages come from the package managers.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "wattribute"
PYTHON_TOOLS = ["schemathesis==4.32.5", "openapi-python-client==0.29.1"]
NODE_TOOLS = ["openapi-typescript@7", "openapi-fetch@0.17", "typescript@5"]
EXAMPLES = int(os.environ.get("API_EXAMPLES", "12"))


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def wait_for(what, condition, seconds=180):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise SystemExit(f"{what} did not come within {seconds} s")


def python_tools():
    """Folder of the executables of PYTHON_TOOLS."""
    venv, wanted = CACHE / "api-venv", "\n".join(PYTHON_TOOLS)
    ready = venv / "installed.txt"
    if not ready.exists() or ready.read_text() != wanted:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_TOOLS], check=True)
        ready.write_text(wanted)
    return venv / "bin"


def schemathesis(tools, services):
    for name, base in services.items():
        print(f"--- schemathesis: {name}", flush=True)
        command = [
            tools / "schemathesis", "--config-file", ROOT / "scripts" / "schemathesis.toml", "run", f"{base}/openapi.json", "--url", base, "--max-examples", str(EXAMPLES), "--seed", "1",
            # A stream has no end: its frames are tested with the routes.
            "--exclude-path", "/api/v1/live", "--phases", "examples,coverage,fuzzing", "--request-timeout", "30",
        ]
        subprocess.run(command, check=True)


def typescript(folder, base):
    print("--- openapi-typescript", flush=True)
    tools = CACHE / "api-node"
    tools.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join(NODE_TOOLS)
    ready = tools / "installed.txt"
    if not ready.exists() or ready.read_text() != wanted:
        (tools / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *NODE_TOOLS], cwd=tools, check=True)
        ready.write_text(wanted)
    work = folder / "typescript"
    work.mkdir()
    (work / "node_modules").symlink_to(tools / "node_modules")
    (work / "package.json").write_text('{"type": "module"}')
    bin_folder = tools / "node_modules" / ".bin"
    subprocess.run([bin_folder / "openapi-typescript", ROOT / "openapi" / "data-api.json", "-o", work / "schema.d.ts"], check=True)
    (work / "ask.ts").write_text(
        """
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const client = createClient<paths>({ baseUrl: process.argv[2]! });
const { data, error } = await client.GET("/api/v1/devices");
if (!data) throw new Error(JSON.stringify(error));
const kettle = data.devices.find((device) => device.entity_id === "switch.kettle");
if (kettle?.power_w == null || Math.abs(kettle.power_w - 2000) > 300) throw new Error(JSON.stringify(kettle));
const page = await client.GET("/api/v1/devices/{entity_id}", { params: { path: { entity_id: "switch.kettle" }, query: { limit: 3 } } });
if (page.data?.activations.length !== 3) throw new Error(JSON.stringify(page.error ?? page.data));
const wrong = await client.GET("/api/v1/energy/correlations", { params: { query: { hours: 999 } } });
if (wrong.error?.status !== 422) throw new Error(JSON.stringify(wrong));
console.log(`the TypeScript client got ${data.devices.length} devices; the kettle draws ${kettle.power_w} W`);
"""
    )
    (work / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    options = {"strict": True, "target": "es2022", "module": "nodenext", "skipLibCheck": True, "types": [], "outDir": "out"}
    (work / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["ask.ts", "node.d.ts"]}))
    subprocess.run([bin_folder / "tsc"], cwd=work, check=True)
    shutil.copy(work / "package.json", work / "out" / "package.json")
    subprocess.run(["node", work / "out" / "ask.js", base], check=True)


def python_client(tools, folder, base):
    print("--- openapi-python-client", flush=True)
    target = folder / "python"
    command = [tools / "openapi-python-client", "generate", "--path", ROOT / "openapi" / "data-api.json", "--output-path", target]
    subprocess.run([*command, "--meta", "none", "--overwrite"], check=True, env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    package = folder / "wattribute_client"
    target.rename(package)
    subprocess.run([tools / "python", "-m", "compileall", "-q", package], check=True)
    ask = f"""
import sys; sys.path.insert(0, {str(folder)!r})
from wattribute_client import Client
from wattribute_client.api.devices import devices
found = devices.sync(client=Client(base_url={base!r}))
kettle = next(d for d in found.devices if d.entity_id == "switch.kettle")
assert abs(kettle.power_w - 2000) < 300, kettle
print("the Python client got", len(found.devices), "devices; the kettle draws", kettle.power_w, "W")
"""
    subprocess.run([tools / "python", "-c", ask], check=True)


def examples(folder, services):
    """Every curl line of the documents, as printed but for the port."""
    print("--- examples of the documents", flush=True)
    ran = 0
    for document in ["docs/API.md", "docs/TARIFFS.md"]:
        text = (ROOT / document).read_text().replace("\\\n", " ")
        for line in re.findall(r"^ *(curl .*)$", text, flags=re.M):
            shown = line
            for port, base in [("8006", services["data-api"]), ("8014", services["meter"]), ("8017", services["correlator"])]:
                line = line.replace(f"http://127.0.0.1:{port}", base)
            line = line.replace("curl ", "curl --fail-with-body --show-error ", 1)
            done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
            # A stream is cut after its time: 28.
            if done.returncode not in ((0, 28) if "--max-time" in line else (0,)):
                raise SystemExit(f"{document}: {shown}\n{done.stdout}{done.stderr}")
            ran += 1
    print(f"{ran} examples ran", flush=True)
    if ran < 5:
        raise SystemExit("the documents have lost their examples")


def main():
    binary = pathlib.Path(os.environ.get("WATTRIBUTE_BIN", ROOT / "target" / "ci" / "wattribute")).resolve()
    names = ["meter", "correlator", "data-api", "dashboard"]
    ports = {name: servers.free_port() for name in names}
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        listen = {f"WATTRIBUTE__{n.upper().replace('-', '_')}__LISTEN": f"127.0.0.1:{p}" for n, p in ports.items()}
        environment = {**os.environ, **listen, "WATTRIBUTE__DATA_DIR": str(folder / "data")}
        program = subprocess.Popen([binary, "demo"], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=open(folder / "log", "w"))
        try:
            services = {name: f"http://127.0.0.1:{ports[name]}" for name in names[:3]}
            api = services["data-api"]
            wait_for("what devices draw", lambda: sum(d["power_w"] is not None for d in get(f"{api}/api/v1/devices")["devices"]) >= 10)
            tools = python_tools()
            typescript(folder, api)
            python_client(tools, folder, api)
            examples(folder, services)
            schemathesis(tools, services)
            if program.poll() is not None:
                raise SystemExit(f"the program ended\n{(folder / 'log').read_text()[-3000:]}")
            said = (folder / "log").read_text()
            if "panicked" in said:
                raise SystemExit(said[-3000:])
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(20)
    print("API: all passed")


if __name__ == "__main__":
    main()
