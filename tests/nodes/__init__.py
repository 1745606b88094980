"""Real search nodes for tests: Elasticsearch 9 and 8 (TLS, users, API keys) and OpenSearch 3, from public jars."""
