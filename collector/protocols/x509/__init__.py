"""Certificates as TLS carries them: bounded reading of DER, and the fields of Zeek's x509.log."""
