"""The engines: which artifacts of Maven Central make a node, and the project file that fetches them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.sax.saxutils import escape

COMPILER = "org.eclipse.jdt:ecj:3.43.0"
"""A Java compiler that runs on a bare runtime."""
_SAML = tuple(
    f"org.opensaml:opensaml-{part}:4.0.1"
    for part in ("core", "saml-api", "saml-impl", "messaging-api", "profile-api", "security-api", "xmlsec-api")
)
"""The security module is linked against these; no SAML realm is ever used, so they come alone."""
_SECURITY_WITHOUT = (
    "org.opensaml:*",
    "net.shibboleth.utilities:*",
    "org.elasticsearch.plugin:es-opensaml-security-api",
    "com.github.stephenc.jcip:jcip-annotations",
    "net.jcip:jcip-annotations",
    "com.sun.activation:jakarta.activation",
)
_NO_QUIC = ("io.netty:netty-codec-native-quic",)
Artifacts = Mapping[str, tuple[str, ...]]
"""group:artifact:version → group:artifact patterns that it must not bring."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of node. `modules` are jars that the node loads from folders of their own; `secure` = TLS and users."""

    name: str
    version: str
    artifacts: Artifacts
    modules: tuple[str, ...]
    sources: tuple[str, ...]
    secure: bool

    @property
    def project(self) -> str:
        """The Maven project whose dependencies are this engine's jars."""
        dependencies = "\n".join(_dependency(name, without) for name, without in sorted(self.artifacts.items()))
        return _PROJECT.format(name=escape(self.name), dependencies=dependencies)


def _elasticsearch(name: str, version: str, glue: str) -> Engine:
    plugin = "org.elasticsearch.plugin"
    artifacts = {
        f"org.elasticsearch:elasticsearch:{version}": (),
        f"{plugin}:transport-netty4:{version}": (),
        f"{plugin}:x-pack-core:{version}": (f"{plugin}:x-pack-template-resources",),
        f"{plugin}:x-pack-security:{version}": _SECURITY_WITHOUT,
        **dict.fromkeys(_SAML, ("*:*",)),
        COMPILER: (),
    }
    modules = ("transport-netty4", "x-pack-core", "x-pack-security")
    sources = ("elasticsearch/Launch.java", "elasticsearch/Glue.java", f"{glue}/VersionedGlue.java")
    return Engine(name, version, MappingProxyType(artifacts), modules, sources, secure=True)


def _opensearch(name: str, version: str) -> Engine:
    plugin = "org.opensearch.plugin"
    parts = ("transport-netty4-client", "analysis-common", "mapper-extras-client", "reindex-client")
    artifacts = {
        f"org.opensearch:opensearch:{version}": (),
        **{f"{plugin}:{part}:{version}": _NO_QUIC for part in parts},
        "org.apache.logging.log4j:log4j-core:2.25.4": (),
        COMPILER: (),
    }
    return Engine(name, version, MappingProxyType(artifacts), (), ("opensearch/Launch.java",), secure=False)


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "elasticsearch-9": _elasticsearch("elasticsearch-9", "9.5.3", "elasticsearch9"),
        "elasticsearch-8": _elasticsearch("elasticsearch-8", "8.19.21", "elasticsearch8"),
        "opensearch-3": _opensearch("opensearch-3", "3.8.0"),
    }
)


def _dependency(name: str, without: tuple[str, ...]) -> str:
    group, artifact, version = name.split(":")
    exclusions = "".join(
        "<exclusion><groupId>{}</groupId><artifactId>{}</artifactId></exclusion>".format(*one.split(":"))
        for one in without
    )
    return (
        f"    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<exclusions>{exclusions}</exclusions></dependency>"
    )


_PROJECT = """<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>czujka.tests</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
  <build><pluginManagement><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>
  </plugin></plugins></pluginManagement></build>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
