"""The box: intake, journal, normalisation, detection, store, alerts and console."""
