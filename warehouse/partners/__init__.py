"""Those who read the hub in SQL: what each may see, their tokens, the server they ask, and what they asked.

A partner's statement never runs on the lake, nor on the instance that speaks to the network. It runs in a process of that
partner's own, on a copy of exactly what the rules let them see: what is not there cannot be read.
"""
