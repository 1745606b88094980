"""Who watches the cards: this process alone, or several that share their flows."""
