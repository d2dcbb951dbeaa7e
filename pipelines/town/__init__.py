"""The demo town: five made-up organisations of Île-de-France, and the files their vendors would hand over.

`build` calls the others in this order: people (who lives there, where each goes), programme (what is played), visits
(who comes when), then the writers of vendors' files: pretix, exports, media. Its randomness makes decor, never noise.
"""
