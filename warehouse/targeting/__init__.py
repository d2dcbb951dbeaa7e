"""Where to look next, out of what a member may see: suggestions, likeness of venues, briefs for campaigns, lift.

Everything here is arithmetic on published figures, so it costs no privacy; and it is told no more strongly than its interval.
"""
