package io.numpool.internal

internal fun checkId(id: String) {
    val characters = id.codePoints().toArray()
    require(characters.size in 1..100 && characters.all(::isPrintable)) {
        "pool id '$id' (${characters.size} characters): 1 to 100 printable characters"
    }
}

internal fun checkLabel(label: String?) =
    require(label == null || (label.length <= MAX_LABEL && isText(label))) {
        "label '$label' (${label?.length} characters): at most $MAX_LABEL, no NUL and no half of a surrogate pair"
    }

/** What PostgreSQL can store. */
internal fun isText(text: String) =
    '\u0000' !in text && text.codePoints().noneMatch { Character.getType(it).toByte() == Character.SURROGATE }

private const val MAX_LABEL = 200

private fun isPrintable(codePoint: Int) =
    when (Character.getType(codePoint).toByte()) {
        Character.CONTROL, Character.SURROGATE, Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false
        else -> true
    }

internal fun checkCapacity(capacity: Int) = require(capacity in 1..8192) { "capacity $capacity: 1 to 8192" }

internal fun checkSlots(slots: Int) = require(slots in 1..8192) { "slots $slots: 1 to 8192, and not more than the pool's capacity" }
