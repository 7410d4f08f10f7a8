package io.numpool.bench.server;

import io.numpool.testkit.ChildJvm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A ZooKeeper server in a JVM of its own, as its guide sets out for one that stands alone. It syncs its log to the disk. */
final class ZooKeeperServer implements RunningServer {
    /** The heap that its start script gives it; the compiler that servers have. */
    private static final List<String> OPTIONS =
            List.of("-Xmx1000m", "-XX:TieredStopAtLevel=4", "-Dzookeeper.admin.enableServer=false");

    /** By name: javac looks for annotations that the class has and no library brings. */
    private static final String MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain";

    private static final String CONFIGURATION = """
            tickTime=2000
            dataDir=%s
            clientPort=%d
            clientPortAddress=127.0.0.1
            """;

    private final Path folder = Folders.create("zookeeper");
    private final int port = Ports.free();
    private final ChildJvm process;

    ZooKeeperServer() {
        process = ChildJvm.start(OPTIONS, main(), configuration().toString());
        Ports.awaitAnswer("ZooKeeper", this::serves, process::isAlive, process::output);
    }

    @Override
    public long pid() {
        return process.pid();
    }

    @Override
    public String version() {
        return Jars.version(main());
    }

    /** Rounds have paths of their own. */
    @Override
    public Place newPlace() {
        return new Place("127.0.0.1:" + port, () -> {});
    }

    @Override
    public void close() {
        process.close();
        Folders.delete(folder);
    }

    private static Class<?> main() {
        try {
            return Class.forName(MAIN, false, ZooKeeperServer.class.getClassLoader());
        } catch (ClassNotFoundException absent) {
            throw new IllegalStateException(absent);
        }
    }

    private Path configuration() {
        try {
            var data = Files.createDirectory(folder.resolve("data"));
            return Files.writeString(folder.resolve("zoo.cfg"), CONFIGURATION.formatted(data, port));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private boolean serves() throws IOException {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write("srvr".getBytes(StandardCharsets.US_ASCII));
            socket.shutdownOutput();
            var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            return answer.startsWith("Zookeeper version");
        }
    }
}
