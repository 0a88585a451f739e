"""``tracekit doctor``."""

from __future__ import annotations

import sys

import click


@click.command("doctor")
@click.argument("binary", required=False)
@click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", help="The output's form."
)
def command(binary: str | None, form: str) -> None:
    """Say what tracekit can do on this machine, and what would let it do more.

    With a BINARY, or a process by its number, also whether it has debug information, and which package has it.

    Each engine traces a small program that is made for this. The status is 1 if there is none that can.
    """
    from tracekit.core.escape import printable
    from tracekit.workflow.doctor import doctor, usable

    checks = doctor(binary)
    if form == "json":
        import json

        from tracekit.codec.model import to_json

        click.echo(json.dumps(to_json(checks), indent=2))
    else:
        for check in checks:
            click.echo(f"{check.state.value:8} {check.name:12}  {printable(check.says)}")
            if check.remedy:
                click.echo(f"{'':23}{printable(check.remedy)}")
    sys.exit(0 if usable(checks) else 1)
