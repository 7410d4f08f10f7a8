package io.numpool.testkit;

import io.numpool.testkit.internal.SelfSigned;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** How an {@link OwnPostgres} is configured. Immutable. */
public final class ServerSettings {
    private final boolean durable;
    private final boolean onDisk;
    private final Map<String, String> parameters;
    private final Map<String, String> files;

    private ServerSettings(boolean durable, boolean onDisk, Map<String, String> parameters, Map<String, String> files) {
        this.durable = durable;
        this.onDisk = onDisk;
        this.parameters = Collections.unmodifiableMap(parameters);
        this.files = Collections.unmodifiableMap(files);
    }

    /**
     * A server that forgets what it knows when the machine dies, and is fast.
     *
     * @return settings to go on from
     */
    public static ServerSettings fast() {
        return new ServerSettings(
                false, false, Map.of("fsync", "off", "synchronous_commit", "off", "full_page_writes", "off"), Map.of());
    }

    /**
     * A server for tests that judge what outlives a server that stops, crashes or is killed: {@code fsync} and {@code synchronous_commit} are
     * on. Measurements have it {@link #onDisk}.
     *
     * @return settings to go on from
     */
    public static ServerSettings durable() {
        return new ServerSettings(
                true, false, Map.of("fsync", "on", "synchronous_commit", "on", "full_page_writes", "on"), Map.of());
    }

    /**
     * With its data in the folder {@code java.io.tmpdir}, where {@code fsync} costs what it costs. Else they are in the folder
     * {@code numpool.test.postgres.folder} (a system property); without it in {@code /dev/shm}, where that is a memory file system with 4 GiB to
     * spare, and otherwise in {@code java.io.tmpdir}, too.
     *
     * @return new settings
     */
    public ServerSettings onDisk() {
        return new ServerSettings(durable, true, parameters, files);
    }

    /**
     * With one more server parameter.
     *
     * @param parameter its name in postgresql.conf
     * @param value its value, unquoted
     * @return new settings
     */
    public ServerSettings with(String parameter, String value) {
        return new ServerSettings(durable, onDisk, added(parameters, parameter, value), files);
    }

    /**
     * With a file in the data folder, readable by its owner only, such as a certificate.
     *
     * @param name its name
     * @param content its content; replaces what initdb made
     * @return new settings
     */
    public ServerSettings withFile(String name, String content) {
        return new ServerSettings(durable, onDisk, parameters, added(files, name, content));
    }

    /**
     * With TLS on, by a certificate for {@code localhost} that is made now and that nobody has signed. Clients without TLS are let in, too.
     *
     * @return new settings
     */
    public ServerSettings withTls() {
        SelfSigned pair = SelfSigned.make();
        return with("ssl", "on").withFile("server.key", pair.key()).withFile("server.crt", pair.certificate());
    }

    /**
     * Whether the server is checked to be durable when it starts.
     *
     * @return true for settings that began as {@link #durable}
     */
    public boolean isDurable() {
        return durable;
    }

    /**
     * Where its data are.
     *
     * @return true for settings that are {@link #onDisk}
     */
    public boolean isOnDisk() {
        return onDisk;
    }

    /**
     * The server parameters.
     *
     * @return names and values
     */
    public Map<String, String> parameters() {
        return parameters;
    }

    /**
     * The files in the data folder.
     *
     * @return names and contents
     */
    public Map<String, String> files() {
        return files;
    }

    private static Map<String, String> added(Map<String, String> map, String key, String value) {
        var copy = new LinkedHashMap<>(map);
        copy.put(key, value);
        return copy;
    }
}
