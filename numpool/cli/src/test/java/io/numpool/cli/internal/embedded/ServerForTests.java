package io.numpool.cli.internal.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A server that many tests share. Its data are in memory, where there is room for them: what tests make and drop costs a disk much. */
public final class ServerForTests {
    /** As for the servers of other modules' tests. */
    private static final String PROPERTY = "numpool.test.postgres.folder";

    private static final Path MEMORY = Path.of("/dev/shm");
    private static final long ROOM_BYTES = 4L << 30;

    private ServerForTests() {}

    /** @param dataFolder where PostgreSQL's programs are, or are unpacked to */
    public static TemporaryServer start(Path dataFolder) throws IOException {
        var given = System.getProperty(PROPERTY);
        if (given != null) {
            return TemporaryServer.start(dataFolder, Path.of(given));
        }
        var hasRoom = Files.isWritable(MEMORY)
                && Files.getFileStore(MEMORY).type().equals("tmpfs")
                && Files.getFileStore(MEMORY).getUsableSpace() >= ROOM_BYTES;
        return hasRoom ? TemporaryServer.start(dataFolder, MEMORY) : TemporaryServer.start(dataFolder);
    }
}
