package io.numpool.cli.internal.output;

/** Text for people, json for programs: the json of every command is a contract. */
public enum Format {
    text,
    json
}
