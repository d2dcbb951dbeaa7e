"""What a member takes away from the hub: tables, charts, a board's summary, a funder's report, an e-mail of what changed.

`take_away` is all that the rest of the program calls. Nothing here is computed from anything but published figures.
"""

from warehouse.takeaway.package import take_away

__all__ = ["take_away"]
