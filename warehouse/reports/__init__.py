"""The pages: what was accepted, told to people in French and English, each number with its margin.

`build_reports` is all that the rest of the program calls.
"""

from warehouse.reports.build import build_reports

__all__ = ["build_reports"]
