"""What people look at: one self-contained page, or the same as JSON or Markdown."""

from simframe.report.collect import collect
from simframe.report.findings import SCHEMA_VERSION, Findings, json_schema
from simframe.report.write import write_report

__all__ = ["SCHEMA_VERSION", "Findings", "collect", "json_schema", "write_report"]
