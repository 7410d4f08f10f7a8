package io.numpool.cli.internal.command;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** `numpool completion bash|zsh` */
@Command(
        name = "completion",
        description = "Prints what a shell needs to complete numpool's commands and options.",
        footer = {
            "",
            "For this shell: source <(numpool completion bash). For all to come: that line in ~/.bashrc or ~/.zshrc."
        })
final class CompletionCommand implements Callable<Integer> {
    @Spec
    private CommandSpec command;

    @Parameters(paramLabel = "bash|zsh", description = "The shell.")
    private Shell shell;

    @Override
    public Integer call() {
        var root = command.root();
        System.out.print(AutoComplete.bash(root.name(), root.commandLine()));
        System.out.flush();
        return 0;
    }

    /** One script serves both: it sees where it is. */
    enum Shell {
        bash,
        zsh
    }
}
