package io.numpool.cli.internal.command;

import io.numpool.cli.internal.demo.Misbehaviour;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The hidden `--break`. */
final class MisbehaviourConverter implements ITypeConverter<Misbehaviour> {
    @Override
    public Misbehaviour convert(String word) {
        try {
            return Misbehaviour.of(word);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
