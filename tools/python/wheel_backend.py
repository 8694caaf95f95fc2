# SPDX-License-Identifier: MIT
"""Builds the wheel: a zip of the package and of what pyproject.toml says.

A build backend as in PEP 517, for pip and others, of the standard library alone: so that the package can be installed
without a network, whatever else is installed."""

import base64
import hashlib
import pathlib
import re
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
DATE = (1980, 1, 1, 0, 0, 0)  # the same files give the same wheel


def project():
    """Keys and strings of the table [project]. (tomllib is there from Python 3.11 on.)"""
    table = (HERE / "pyproject.toml").read_text().partition("[project]\n")[2]
    return dict(re.findall(r'^([\w-]+) = "(.*)"$', table, re.MULTILINE))


def metadata():
    """The file METADATA."""
    p = project()
    return (
        f"Metadata-Version: 2.1\nName: {p['name']}\nVersion: {p['version']}\nSummary: {p['description']}\n"
        f"License: MIT\nRequires-Python: {p['requires-python']}\nDescription-Content-Type: text/markdown\n\n"
        + (HERE / "README.md").read_text()
    )


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """PEP 517: writes the wheel and gives its file name."""
    p = project()
    name = f"{p['name']}-{p['version']}"
    files = {
        str(f.relative_to(HERE)): f.read_bytes()
        for f in sorted(HERE.glob("ipcfs/**/*"))
        if f.suffix in (".py", ".typed")
    }
    files[f"{name}.dist-info/METADATA"] = metadata().encode()
    files[
        f"{name}.dist-info/WHEEL"
    ] = b"Wheel-Version: 1.0\nGenerator: ipcfs\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = f"{name}.dist-info/RECORD"
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        lines.append(f"{path},sha256={digest},{len(data)}\n")
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    wheel = f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / wheel, "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in files.items():
            info = zipfile.ZipInfo(path, DATE)
            info.external_attr = 0o644 << 16
            z.writestr(info, data)
    return wheel
