"""The store in Elasticsearch (8, 9) or OpenSearch (3): `ElasticStore` writes, `ElasticReader` answers.

docs/elasticsearch.md says how the parts go together and what the cluster needs.
"""
