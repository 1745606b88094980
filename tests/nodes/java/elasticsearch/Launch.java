import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.KeyStoreWrapper;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** Runs one node until it is told to stop. Settings are arguments (key=value); NODE_PASSWORD is that of `elastic`. */
public final class Launch {
    private Launch() {}

    public static void main(String[] arguments) throws Exception {
        Settings.Builder builder = Settings.builder();
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            builder.put(pair[0], pair[1]);
        }
        KeyStoreWrapper secrets = KeyStoreWrapper.create();
        secrets.setString("bootstrap.password", System.getenv("NODE_PASSWORD").toCharArray());
        Settings settings = builder.setSecureSettings(secrets).build();
        LogConfigurator.configureESLogging();
        Path config = Path.of(settings.get("path.home"), "config");
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "node");
        // On a class path the modules are no Java modules: the loader must not make layers of them.
        Set<?> bundles = bundles(Path.of(System.getProperty("node.modules")));
        Method loader = named("createPluginsLoader", 4);
        Node node = new Node(environment, (PluginsLoader) loader.invoke(null, bundles, Set.of(), Map.of(), false));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        node.start();
        Thread.currentThread().join();
    }

    /** Version 9 asks besides whether the modules are stable plugins, version 8 does not. */
    private static Set<?> bundles(Path folder) throws Exception {
        Method method = named("loadModulesBundles", 0);
        return (Set<?>) (method.getParameterCount() == 1 ? method.invoke(null, folder) : method.invoke(null, folder, false));
    }

    private static Method named(String name, int parameters) {
        return Arrays.stream(PluginsLoader.class.getMethods())
            .filter(one -> one.getName().equals(name) && (parameters == 0 || one.getParameterCount() == parameters))
            .findFirst()
            .orElseThrow();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (Exception error) {
            error.printStackTrace();
        }
    }
}
