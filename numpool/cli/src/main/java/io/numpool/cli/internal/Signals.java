package io.numpool.cli.internal;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Optional;
import java.util.function.IntConsumer;

/** Signals to this process. {@code sun.misc.Signal} can't be named under {@code -Xlint:all -Werror}, hence by reflection, here only. */
public final class Signals {
    private Signals() {}

    /**
     * Calls {@code handler} with the signal's number, on a thread of its own, whenever this process receives signal {@code name} (without "SIG").
     * Empty when the JVM keeps that signal for itself (QUIT, for one) or the system has none of that name.
     */
    public static Optional<Handling> handle(String name, IntConsumer handler) {
        try {
            var type = Class.forName("sun.misc.Signal");
            var handlerType = Class.forName("sun.misc.SignalHandler");
            var signal = type.getConstructor(String.class).newInstance(name);
            var number = type.getMethod("getNumber");
            var proxy = Proxy.newProxyInstance(
                    Signals.class.getClassLoader(),
                    new Class<?>[] {handlerType},
                    (self, method, args) -> switch (method.getName()) {
                        case "handle" -> {
                            handler.accept((int) number.invoke(args[0]));
                            yield null;
                        }
                        case "equals" -> self == args[0];
                        case "hashCode" -> System.identityHashCode(self);
                        default -> name;
                    });
            var install = type.getMethod("handle", type, handlerType);
            var previous = install.invoke(null, signal, proxy);
            return Optional.of(() -> call(install, signal, previous));
        } catch (InvocationTargetException kept) {
            if (kept.getCause() instanceof IllegalArgumentException) {
                return Optional.empty();
            }
            throw new IllegalStateException(kept.getCause());
        } catch (ReflectiveOperationException e) {
            return Optional.empty();
        }
    }

    private static void call(java.lang.reflect.Method install, Object signal, Object previous) {
        try {
            install.invoke(null, signal, previous);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A handler in place; closing it puts the earlier one back. */
    public interface Handling extends AutoCloseable {
        @Override
        void close();
    }
}
