"""Pull as well as drop: what is new at a system with a public interface goes to the inbox, and is ingested from there.

The only code of Jauge that speaks to a network. `systems` says what each interface is, `sources` what a venue declared,
`credentials` how a secret is shown, `client` how one asks, `progress` where a pull stands, `pulling` does it.
"""
