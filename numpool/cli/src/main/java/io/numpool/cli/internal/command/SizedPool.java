package io.numpool.cli.internal.command;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A pool and how many slots it is to have: as the word after it, or as an option. */
final class SizedPool {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Parameters(index = "0", paramLabel = "POOL", description = "1 to 100 printable characters.")
    private String id;

    @Parameters(index = "1", arity = "0..1", paramLabel = "CAPACITY", description = "Number of slots, 1 to 8192.")
    private Integer word;

    @Option(names = "--capacity", paramLabel = "N", description = "The same.")
    private Integer option;

    String id() {
        return id;
    }

    int capacity() {
        if ((word == null) == (option == null)) {
            throw new ParameterException(command.commandLine(), "Name the number of slots, once");
        }
        return word == null ? option : word;
    }
}
