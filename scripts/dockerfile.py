#!/usr/bin/env python3
"""Runs what the Dockerfile's stages run, in their order, on this machine: so that the image builds where there is a container engine, without one here.

    scripts/dockerfile.py --dry [ARCH]     read it only: every COPY has its source and passes .dockerignore, every RUN is shell; nothing is run
    scripts/dockerfile.py [ARCH]           run it, in a scratch folder that gets only what COPY names; the last stage's files are then tried

Folders are built anew each time but for cargo's (CARGO_TARGET_DIR, else `target` here) and npm's cache. WATTRIBUTE_CARGO_ARGS is handed on to contrib/docker/build.sh.
"""

import fnmatch
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
KNOWN = {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL"}


def instructions(text):
    """(line, word, rest) of each instruction; lines that end with a backslash go on."""
    whole, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not whole and (not line.strip() or line.startswith("#")):
            continue
        began = began if whole else number
        whole += line
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        word, _, rest = whole.strip().partition(" ")
        yield began, word.upper(), rest.strip()
        whole = ""


def stages(text):
    """[{base, name, steps}] of a Dockerfile."""
    found = []
    for number, word, rest in instructions(text):
        if word not in KNOWN:
            raise SystemExit(f"Dockerfile:{number}: {word} is not known to this script")
        if word == "FROM":
            words = [w for w in rest.split() if not w.startswith("--")]
            found.append({"base": words[0], "name": words[2] if len(words) > 2 else None, "steps": []})
        elif found:
            found[-1]["steps"].append((number, word, rest))
    return found


def flags(rest):
    """The `--flags` at the beginning, and what follows."""
    given = {}
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        name, _, value = flag[2:].partition("=")
        given[name], rest = value, rest.strip()
    return given, rest


def let_in(path):
    """Whether .dockerignore lets a path of this folder into the build."""
    out = False
    for line in (HERE / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keep, pattern = pattern.startswith("!"), pattern.lstrip("!").rstrip("/")
        parents = [path, *[str(p) for p in pathlib.PurePosixPath(path).parents][:-1]]
        plain = pattern.removeprefix("**/")
        if any(fnmatch.fnmatchcase(p, pattern) or (plain != pattern and fnmatch.fnmatchcase(pathlib.PurePosixPath(p).name, plain)) for p in parents):
            out = not keep
    return not out


class Stage:
    """A stage's files, in a folder of its own; absolute paths of the image lie below it."""

    def __init__(self, root, arch, others):
        self.root, self.arch, self.others = root, arch, others
        self.cwd = root
        root.mkdir(parents=True)

    def place(self, path):
        return self.root / path.lstrip("/") if path.startswith("/") else self.cwd / path

    def workdir(self, path):
        self.cwd = self.place(path)
        self.cwd.mkdir(parents=True, exist_ok=True)

    def copy(self, number, rest):
        given, rest = flags(rest)
        *sources, to = shlex.split(rest)
        target = self.place(to)
        if to.endswith("/") or len(sources) > 1:
            target.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if "from" in given:
                origin = self.others[given["from"]].place(source)
                files = [origin] if origin.is_file() else [p for p in origin.rglob("*") if p.is_file()]
            else:
                origin = HERE / source
                files = [HERE / p for p in tracked(source) if let_in(p)]
            if not files and not origin.is_dir():
                raise SystemExit(f"Dockerfile:{number}: {source} is not there, or .dockerignore leaves it out")
            for file in files:
                if origin.is_dir():
                    put = target / file.relative_to(origin)
                elif to.endswith("/") or len(sources) > 1:
                    put = target / file.name
                else:
                    put = target
                put.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, put)

    def run(self, number, rest):
        given, command = flags(rest)
        # Paths of the image are below our folder; the platform's are not.
        command = re.sub(r"(?<=\s)/(out|src)\b", lambda m: str(self.root / m[1]), command)
        environment = {**os.environ, "TARGETARCH": self.arch}
        environment.setdefault("CARGO_TARGET_DIR", str(HERE / "target"))
        print(f"--- Dockerfile:{number}: {command}", flush=True)
        subprocess.run(["/bin/sh", "-ec", command], cwd=self.cwd, env=environment, check=True)


def tracked(source):
    """What git would take of a path: files of a clean clone, and new ones that it does not ignore."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", source.rstrip("/")], cwd=HERE, check=True, capture_output=True, text=True)
    return [p for p in listed.stdout.splitlines() if (HERE / p).exists()]


def dry(found):
    names = {stage["name"] for stage in found if stage["name"]}
    runs = 0
    for stage in found:
        if ":" not in stage["base"] or stage["base"].endswith(":latest"):
            raise SystemExit(f"{stage['base']}: an image is named with its version")
        for number, word, rest in stage["steps"]:
            if word == "COPY":
                given, rest = flags(rest)
                if given.get("from", "") and given["from"] not in names:
                    raise SystemExit(f"Dockerfile:{number}: there is no stage {given['from']}")
                for source in [] if "from" in given else shlex.split(rest)[:-1]:
                    if not any(let_in(p) for p in tracked(source)):
                        raise SystemExit(f"Dockerfile:{number}: {source} is not there, or .dockerignore leaves it out")
            if word == "RUN":
                runs += 1
                subprocess.run(["/bin/sh", "-nc", flags(rest)[1]], check=True)
    last = [word for _, word, _ in found[-1]["steps"]]
    for wanted in ("USER", "HEALTHCHECK", "ENTRYPOINT"):
        if wanted not in last:
            raise SystemExit(f"the last stage has no {wanted}")
    for secret in (".env", "secrets/wattribute_tokens", "data/wattribute.db", "services/app/.env", "dashboard/node_modules/a.js"):
        if let_in(secret):
            raise SystemExit(f".dockerignore lets {secret} in")
    print(f"Dockerfile: {len(found)} stages, {runs} commands, every source is there")


def build(found, arch):
    keep = os.environ.get("WATTRIBUTE_DOCKERFILE_ROOT")
    scratch = pathlib.Path(keep or tempfile.mkdtemp(prefix="wattribute-image-"))
    shutil.rmtree(scratch, ignore_errors=True)
    others = {}
    try:
        for at, stage in enumerate(found):
            last = at == len(found) - 1
            here = Stage(scratch / (stage["name"] or str(at)), arch, others)
            if stage["name"]:
                others[stage["name"]] = here
            print(f"=== {stage['name'] or 'the image'}, from {stage['base']}", flush=True)
            for number, word, rest in stage["steps"]:
                if word == "WORKDIR":
                    here.workdir(rest)
                elif word == "COPY":
                    here.copy(number, rest)
                elif word == "RUN":
                    here.run(number, rest)
            if last:
                tried(here, arch)
    finally:
        if not keep:
            shutil.rmtree(scratch, ignore_errors=True)


def tried(image, arch):
    """The image's binary says its version, and has the health command that the image's check runs; another machine's cannot be run here."""
    binary = image.place("/usr/local/bin/wattribute")
    size = binary.stat().st_size
    print(f"the binary has {size / 1e6:.0f} MB")
    own = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)
    if arch in ("", own):
        for arguments in (["--version"], ["health", "--help"]):
            subprocess.run([binary, *arguments], check=True, stdout=subprocess.DEVNULL)
    else:
        kind = int.from_bytes(binary.read_bytes()[18:20], "little")
        assert kind == {"amd64": 62, "arm64": 183}[arch], f"it is for machine {kind} of ELF"


def main(arguments):
    found = stages((HERE / "Dockerfile").read_text())
    arch = next((a for a in arguments if not a.startswith("-")), "")
    dry(found)
    if "--dry" not in arguments:
        build(found, arch)


if __name__ == "__main__":
    main(sys.argv[1:])
