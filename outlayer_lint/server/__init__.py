"""The language server: `outlayer-lint server` answers an editor over standard input and output.

`warm` keeps projects in memory and knows nothing of the protocol; `protocol` is the rim, where positions, addresses and
severities become the editor's.
"""
