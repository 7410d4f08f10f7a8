package io.numpool.db;

import java.util.List;

/** A line of migrations: the tables and functions of one library, versioned apart from those of the others. */
public enum Line {
    /** Pools of numbered slots: {@code numpool-core}. */
    POOL("pool", "V1__pool.sql");

    private final String label;
    private final List<String> files;

    Line(String label, String... files) {
        this.label = label;
        this.files = List.of(files);
    }

    /**
     * Where the scripts of this line are on the class path.
     *
     * @return a folder, without a slash at either end
     */
    public String folder() {
        return "db/" + label;
    }

    /**
     * The table in which Flyway keeps the history of this line, in the schema it applies to.
     *
     * @return a table name
     */
    public String historyTable() {
        return "numpool_" + label + "_history";
    }

    // The scripts write one row per version into it, whoever runs them.
    String versionTable() {
        return label + "_version";
    }

    List<String> files() {
        return files;
    }
}
