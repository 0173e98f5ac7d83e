"""Runs a command and says how long it took and how much memory it needed at most."""
import os
import subprocess
import threading
import time
from typing import NamedTuple


class Run(NamedTuple):
    """What became of a command; `problem` is one line, or None when it went well."""

    seconds: float
    peak_mb: float
    problem: str | None


def run(command, stdout, stderr, limit_s):
    """Runs `command` with its output in two files; one that takes longer than `limit_s` is ended."""
    start = time.monotonic()
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as e:
            return Run(0.0, 0.0, f"{command[0]}: {e.strerror}")
        alarm = threading.Timer(limit_s, child.kill)
        alarm.start()
        _, status, usage = os.wait4(child.pid, 0)
        alarm.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(stderr, errors="replace") as f:
        said = f.read().strip().splitlines()
    problem = f"exit {child.returncode}: {said[-1] if said else 'no message'}" if child.returncode else None
    return Run(time.monotonic() - start, usage.ru_maxrss / 1024, problem)
