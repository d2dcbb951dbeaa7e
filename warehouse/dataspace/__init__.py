"""The hub as a participant of a dataspace: Dataspace Protocol 2025-1, as provider and as consumer.

`states` says which message may follow which, `messages` what a message looks like, `book` keeps negotiations, transfers and
agreements, `offers` serves the catalogue and holds a requester to its terms, `turns` decides what the hub says next,
`service` answers by HTTP, `product` makes the file. Nothing here asks anything of a network: `pipelines.dataspace` sends.
"""
