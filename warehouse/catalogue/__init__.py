"""The catalogue: what the hub holds, told to anyone, without a figure.

`read_catalogue` gathers it once, out of the lake; every form is made from that and from nothing else: `dcat.graph` and
`terms.offers` (DCAT-AP and ODRL, which a dataspace asks for too), `contract.contract` (ODCS), `build.write_catalogue` (files).
"""
