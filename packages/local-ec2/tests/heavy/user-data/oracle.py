"""What cloud-init itself makes of user-data: reads base64 texts, one a line; writes one JSON object for each."""

import base64
import json
import logging
import os
import sys
import tempfile

from cloudinit import handlers, helpers, user_data
from cloudinit.handlers import boot_hook, cloud_config, shell_script
from cloudinit.handlers.shell_script_by_frequency import ShellScriptByFreqPartHandler

logging.disable()
# Hooks are written, and not run.
boot_hook.subp.subp = lambda *_, **__: None


class Instance:
    def get_instance_id(self):
        return "i-0"


def contents(folder):
    def read(path):
        with open(path, "rb") as file:
            return base64.b64encode(file.read()).decode()

    # Only what is executable was written whole.
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    return {os.path.basename(p): read(p) for p in sorted(paths) if os.access(p, os.X_OK)}


def plain(value):
    # As JSON of JavaScript has bytes.
    return {"type": "Buffer", "data": list(value)} if isinstance(value, bytes) else str(value)


def applied(blob, folder):
    paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder}, Instance())
    os.makedirs(os.path.join(folder, "instances", "i-0"))
    os.symlink("instances/i-0", os.path.join(folder, "instance"))
    config = cloud_config.CloudConfigPartHandler(paths)
    known = [config, boot_hook.BootHookPartHandler(paths, Instance()), shell_script.ShellScriptPartHandler(paths)]
    known += [ShellScriptByFreqPartHandler(often, paths) for often in ("always", "once-per-instance", "once")]
    by_type = {name: handler for handler in known for name in handler.list_types()}

    def meet(_, filename, payload, headers):
        handler = by_type.get(headers["Content-Type"])
        if handler:
            handlers.run_part(handler, None, filename, payload, "always", headers)

    handlers.walk(user_data.UserDataProcessor(paths).process(blob), meet, None)
    at = lambda *parts: contents(os.path.join(folder, *parts))
    found = {
        "config": config.cloud_buf,
        "scripts": at("instances", "i-0", "scripts"),
        "boothooks": at("instances", "i-0", "boothooks"),
        "perBoot": at("scripts", "per-boot"),
        "perInstance": at("scripts", "per-instance"),
        "perOnce": at("scripts", "per-once"),
    }
    return {name: what for name, what in found.items() if what}


for line in sys.stdin:
    with tempfile.TemporaryDirectory() as folder:
        try:
            answer = applied(base64.b64decode(line), folder)
        except Exception:
            # Then nothing of it is applied.
            answer = {}
    print(json.dumps(answer, default=plain), flush=True)
