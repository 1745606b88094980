"""Packets of one flow as evidence: asked of the sensor that saw it, kept, and shown as tshark reads them."""
