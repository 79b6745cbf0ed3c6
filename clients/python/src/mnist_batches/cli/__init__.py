"""The command `mnist-batches`."""

from __future__ import annotations

import argparse
import sys

from .. import __version__
from ..client import Client
from ..errors import BatchServerError
from .bench import add_bench
from .export import add_export
from .info import add_info
from .verify import add_verify


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="mnist-batches", description="Batches of a mnist-batch-server.")
    parser.add_argument("--url", help="address of the server; default MNIST_BATCHES_URL, else http://127.0.0.1:8080")
    parser.add_argument("--token", help="API key; default MNIST_BATCHES_TOKEN")
    parser.add_argument("--give-up-after", type=float, default=10, metavar="SECONDS",
                        help="how long to wait for a server that is away; default 10")
    parser.add_argument("--version", action="version", version=f"mnist-batches {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_info, add_verify, add_bench, add_export):
        add(commands)
    options = parser.parse_args(arguments)
    try:
        client = Client(options.url, token=options.token, give_up_after=options.give_up_after)
        return int(options.run(client, options))
    except (BatchServerError, ValueError, OSError) as error:
        print(f"mnist-batches: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
