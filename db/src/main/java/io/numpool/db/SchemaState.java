package io.numpool.db;

/** How a schema stands to the migrations in this jar. */
public enum SchemaState {
    /** Nothing of this line is there. */
    MISSING,
    /** An earlier version is there. */
    OLDER,
    /** Exactly what this jar knows. */
    CURRENT,
    /** Migrated by a later release. */
    NEWER
}
