import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.lucene.analysis.Analyzer;
import org.opensearch.Version;
import org.opensearch.analysis.common.CommonAnalysisModulePlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.analysis.AnalyzerProvider;
import org.opensearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.opensearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/** Runs one node until it is told to stop. Settings are arguments: key=value. */
public final class Launch extends Node {
    private static final List<String> MODULES = List.of(
        "org.opensearch.transport.Netty4ModulePlugin",
        Analysis.class.getName(),
        "org.opensearch.index.mapper.MapperExtrasModulePlugin",
        "org.opensearch.index.reindex.ReindexModulePlugin"
    );

    /** Without the analyzer that needs Thai words, which small Java runtimes do not know: every index tries all of them. */
    public static final class Analysis extends CommonAnalysisModulePlugin {
        private static final String LEFT_OUT = "thai";

        @Override
        public List<PreBuiltAnalyzerProviderFactory> getPreBuiltAnalyzerProviderFactories() {
            return super.getPreBuiltAnalyzerProviderFactories().stream().filter(one -> !one.getName().equals(LEFT_OUT)).toList();
        }

        @Override
        public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
            var analyzers = super.getAnalyzers();
            analyzers.remove(LEFT_OUT);
            return analyzers;
        }
    }

    private Launch(Environment environment) {
        super(environment, MODULES.stream().map(Launch::described).toList(), true);
    }

    private static PluginInfo described(String name) {
        return new PluginInfo(name, "on the class path", "NA", Version.CURRENT, "21", name, null, List.of(), false);
    }

    public static void main(String[] arguments) throws Exception {
        Settings.Builder builder = Settings.builder();
        Stream.of(arguments).map(one -> one.split("=", 2)).forEach(pair -> builder.put(pair[0], pair[1]));
        Settings settings = builder.build();
        Path config = Path.of(settings.get("path.home"), "config");
        Launch node = new Launch(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "node"));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        node.start();
        Thread.currentThread().join();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (Exception error) {
            error.printStackTrace();
        }
    }
}
