package io.numpool.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command does without. */
class RunnableJarIT {
    @TempDir
    private Path folder;

    @Test
    void theCommandNeitherCarriesNorNeedsMicrometer() throws Exception {
        try (var jar = new JarFile(System.getProperty("numpool.jar"))) {
            var names = jar.stream().map(ZipEntry::getName).toList();
            assertTrue(names.contains("io/numpool/Numpool.class"));
            assertEquals(
                    List.of(),
                    names.stream()
                            .filter(name -> name.startsWith("io/micrometer/"))
                            .toList());
        }
        new NumpoolJar(folder, Stage.shared().environment())
                .run("run", "--pool", "unmeasured", "--capacity", "1", "--", "true")
                .expect(0);
    }
}
