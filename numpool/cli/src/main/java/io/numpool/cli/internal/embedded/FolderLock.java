package io.numpool.cli.internal.embedded;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** One process at a time works in a folder; the system lets go when the holder dies. Between threads of one process it does not arbitrate. */
final class FolderLock {
    private FolderLock() {}

    /** Waits for its turn. */
    static <T> T within(Path folder, Work<T> work) throws IOException {
        try (var channel =
                FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.lock();
            return work.run();
        }
    }

    interface Work<T> {
        T run() throws IOException;
    }
}
