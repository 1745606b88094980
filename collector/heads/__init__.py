"""The heads of flows: bytes in their order, given to the parser that recognises them."""
