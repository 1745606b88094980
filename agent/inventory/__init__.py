"""What a host is made of and how it is set up: collected by a short-lived child, sent as changes.

Every section and every check names its sources (`raw.py`), which one host reads (`linux/host.py`,
`windows/host.py`); what they give is plain data, and everything after it is pure.
"""
