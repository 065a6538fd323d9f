"""The seams: where numbers come from (source), where people are (chat), what they ask (command), what they
read (message). Protocols, their values, their error trees; no adapter is named here.
"""
