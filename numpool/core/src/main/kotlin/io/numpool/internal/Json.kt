package io.numpool.internal

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.ObjectMapper
import com.fasterxml.jackson.module.kotlin.jacksonObjectMapper

/** Metadata to and from JSON. */
internal object Json {
    private val mapper: ObjectMapper = jacksonObjectMapper().findAndRegisterModules()

    /** Null stays null: no metadata. */
    fun write(value: Any?): JsonNode? {
        if (value == null) return null
        val node =
            try {
                mapper.valueToTree<JsonNode>(value)
            } catch (e: IllegalArgumentException) {
                throw IllegalArgumentException("metadata $value: what Jackson can write as JSON; ${e.message}", e)
            }
        require(isStorable(node)) { "metadata $node: no NUL and no half of a surrogate pair" }
        return node.takeUnless { it.isNull }
    }

    private fun isStorable(node: JsonNode): Boolean =
        when {
            node.isTextual -> isText(node.textValue())
            node.isObject -> node.properties().all { (name, value) -> isText(name) && isStorable(value) }
            else -> node.all(::isStorable)
        }

    fun <T : Any> read(
        node: JsonNode,
        type: Class<T>,
    ): T = mapper.treeToValue(node, type)
}
