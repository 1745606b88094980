"""Reports: data first, as JSON; then a document made of exactly that data."""
