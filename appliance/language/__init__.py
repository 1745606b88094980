"""The language of the product: numbers, time, typography, plurals, and the lint of every text a person reads."""
