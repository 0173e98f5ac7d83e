"""The Python that the exam and the benchmark need, in the user's cache."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def python():
    """Path of an interpreter with requirements.txt installed; WATTRIBUTE_PYTHON names another one."""
    if os.environ.get("WATTRIBUTE_PYTHON"):
        return os.environ["WATTRIBUTE_PYTHON"]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    venv, wanted = cache / "wattribute" / "venv", (HERE / "requirements.txt").read_text()
    ready = venv / "installed.txt"
    if not ready.exists() or ready.read_text() != wanted:
        print(f"making {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"], check=True)
        ready.write_text(wanted)
    return str(venv / "bin" / "python")


if __name__ == "__main__":
    print(python())
