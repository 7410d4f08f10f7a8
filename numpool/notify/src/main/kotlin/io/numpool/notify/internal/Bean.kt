package io.numpool.notify.internal

import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Method
import java.sql.SQLException

/** Properties of an object by name, for classes that need not be on the class path. */
internal class Bean(
    private val target: Any,
) {
    fun has(property: String): Boolean =
        target.javaClass.methods.any { it.name == "get" + property.capitalized() && it.parameterCount == 0 }

    operator fun get(property: String): Any? =
        target.javaClass
            .getMethod("get" + property.capitalized())
            .apply { trySetAccessible() } // a lambda's class is not public
            .let(::invoked)

    /** What the property's own code throws is thrown as it is. */
    private fun invoked(getter: Method): Any? =
        try {
            getter.invoke(target)
        } catch (e: InvocationTargetException) {
            val cause = e.targetException
            throw if (cause is RuntimeException || cause is Error) cause else SQLException("${getter.name}: ${cause.message}", cause)
        }

    operator fun set(
        property: String,
        value: String,
    ) {
        val name = "set" + property.capitalized()
        val setters = target.javaClass.methods.filter { it.name == name && it.parameterCount == 1 }
        val setter =
            setters.sortedBy { it.parameterTypes[0] != String::class.java }.firstOrNull { converted(value, it.parameterTypes[0]) != null }
                ?: throw IllegalArgumentException("${target.javaClass.name} has no property $property")
        setter.invoke(target, converted(value, setter.parameterTypes[0]))
    }

    private fun converted(
        value: String,
        type: Class<*>,
    ): Any? =
        when (type) {
            String::class.java -> value
            Int::class.javaPrimitiveType -> value.toIntOrNull()
            Boolean::class.javaPrimitiveType -> value.toBooleanStrictOrNull()
            else -> null
        }

    private fun String.capitalized() = replaceFirstChar(Char::uppercaseChar)
}
