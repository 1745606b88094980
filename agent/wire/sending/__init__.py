"""What every program that sends to the box has: identity, spool, uplink, and the loop that keeps its sensors."""
