"""Push: what lies in a venue's outbox goes to its hub, and the hub's answer comes back.

`hubs` says what a hub is on a folder, in a bucket, or by HTTPS (`web`); `pushing` does it. Beside `pipelines.pull` the only
code of Jauge that asks anything of a network.
"""
