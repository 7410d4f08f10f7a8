package io.numpool.testkit.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where servers have their data: in memory, if the machine has some to spare, since a test makes and deletes files by the thousand. */
final class DataFolders {
    private static final String PROPERTY = "numpool.test.postgres.folder";
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final long ROOM_BYTES = 4L << 30;

    private DataFolders() {}

    /** Makes an empty one. */
    static Path create(boolean onDisk) throws IOException {
        return Files.createTempDirectory(onDisk ? disk() : usual(), "numpool-postgres-");
    }

    /** Whether the files there need memory of their own: then a server's shared memory may be files there, too, and is gone with them. */
    static boolean isMemory(Path folder) throws IOException {
        return Files.getFileStore(folder).type().equals("tmpfs");
    }

    private static Path usual() throws IOException {
        var given = System.getProperty(PROPERTY);
        if (given != null) {
            return Path.of(given);
        }
        var hasRoom = Files.isWritable(MEMORY)
                && isMemory(MEMORY)
                && Files.getFileStore(MEMORY).getUsableSpace() >= ROOM_BYTES;
        return hasRoom ? MEMORY : disk();
    }

    private static Path disk() {
        return Path.of(System.getProperty("java.io.tmpdir"));
    }
}
