"""The evidence chain: what happened on the box, hashed, signed, anchored outside, exported with its proof."""
