"""The command line: one file a command, each imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from simframe import __version__
from simframe.errors import SimframeError, did_you_mean

COMMANDS = {
    "init": "Make an empty warehouse.",
    "study": "Check and show study files, and make their thresholds count.",
    "import": "Publish people's answers as a human panel.",
    "prompt": "Show what a model reads of a respondent, token by token.",
    "plan": "List a plan's panels, and what they take, before anything runs.",
    "tune": "Tune an adapter on a pilot, without simulating.",
    "models": "List and show the bases and adapters of a warehouse.",
    "simulate": "Carry out a plan: tune on pilots, simulate panels, judge them.",
    "evaluate": "Compute intervals, floors, p-values and regressions.",
    "audit": "Measure what tuning did to the rest of a model.",
    "report": "Write the report: HTML, JSON or Markdown.",
    "ls": "List the panels.",
    "show": "Show one panel: provenance, metrics, verdicts.",
    "metrics": "List the metrics, or define one.",
    "sql": "Ask the warehouse in SQL.",
    "rebuild": "Make the catalog again, for instance after a move.",
    "doctor": "Check hashes, row counts, leftovers and counts.",
}


class Commands(click.Group):
    """Commands loaded on use, and errors told without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"simframe.cli.{'import_' if cmd_name == 'import' else cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; name the one that was meant where there is none of that name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as err:
            raise click.UsageError(f"no command {args[0]!r}; {did_you_mean(args[0], COMMANDS)}", ctx) from err

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run; print a :class:`SimframeError` as text and exit with 1, an interruption with 130."""
        try:
            return super().main(*args, **extra)
        except SimframeError as err:
            click.echo(f"{click.style('error', fg='red', bold=True)}: {err}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run one command; Ctrl-C leaves finished work in place and says so."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted: nothing was half-published; run the same command again to resume", err=True)
            ctx.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="simframe")
def main() -> None:
    """Can simulated respondents, tuned on a small human pilot, stand in for more people?

    People and simulated respondents live side by side in a warehouse; SQL, Polars and a report say how alike they
    are and for which conclusions that is enough. Start with: simframe simulate, then simframe report.
    """
