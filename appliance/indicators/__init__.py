"""Indicators: bad names, addresses, pages, files and senders from lists that the office gets, as lists of rules."""
