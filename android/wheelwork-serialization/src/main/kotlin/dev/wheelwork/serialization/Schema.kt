package dev.wheelwork.serialization

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.SerialInfo
import kotlinx.serialization.descriptors.PolymorphicKind
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.SerialDescriptor
import kotlinx.serialization.descriptors.SerialKind
import kotlinx.serialization.descriptors.StructureKind
import kotlinx.serialization.descriptors.elementDescriptors
import kotlinx.serialization.descriptors.elementNames
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/**
 * What a property is, for the model: becomes its `description` in the schema.
 *
 * @property text A few words.
 */
@OptIn(ExperimentalSerializationApi::class)
@SerialInfo
@Target(AnnotationTarget.PROPERTY)
public annotation class Describe(val text: String)

/**
 * The JSON schema of what a serializer reads. Takes no time to speak of; may be called from any thread.
 *
 * Classes, lists, maps with text keys, enums, numbers, text and null are described; properties with a default may be left out.
 * What is polymorphic, contextual or holds itself is an [IllegalArgumentException].
 */
public fun jsonSchema(descriptor: SerialDescriptor): JsonObject = schema(descriptor, emptyList())

@OptIn(ExperimentalSerializationApi::class)
private fun schema(descriptor: SerialDescriptor, within: List<String>): JsonObject {
    val plain = if (descriptor.isInline) schema(descriptor.getElementDescriptor(0), within) else plain(descriptor, within)
    if (!descriptor.isNullable) return plain
    return JsonObject(mapOf("anyOf" to JsonArray(listOf(plain, of("null")))))
}

@OptIn(ExperimentalSerializationApi::class)
private fun plain(descriptor: SerialDescriptor, within: List<String>): JsonObject {
    val name = descriptor.serialName
    return when (descriptor.kind) {
        PrimitiveKind.BOOLEAN -> of("boolean")
        PrimitiveKind.BYTE, PrimitiveKind.SHORT, PrimitiveKind.INT, PrimitiveKind.LONG -> of("integer")
        PrimitiveKind.FLOAT, PrimitiveKind.DOUBLE -> of("number")
        PrimitiveKind.CHAR, PrimitiveKind.STRING -> of("string")
        SerialKind.ENUM ->
            JsonObject(mapOf("enum" to JsonArray(descriptor.elementNames.map { JsonPrimitive(it) })))
        StructureKind.LIST ->
            of("array", "items" to schema(descriptor.getElementDescriptor(0), inside(name, within)))
        StructureKind.MAP -> {
            val (key, value) = descriptor.elementDescriptors.toList()
            require(key.kind == PrimitiveKind.STRING || key.kind == SerialKind.ENUM) {
                "`$name` has keys of `${key.serialName}`, expected text"
            }
            of("object", "additionalProperties" to schema(value, inside(name, within)))
        }
        StructureKind.CLASS, StructureKind.OBJECT -> structure(descriptor, inside(name, within))
        SerialKind.CONTEXTUAL, is PolymorphicKind ->
            throw IllegalArgumentException("`$name` is read by what it holds, which no schema says")
    }
}

@OptIn(ExperimentalSerializationApi::class)
private fun structure(descriptor: SerialDescriptor, within: List<String>): JsonObject {
    val elements = 0 until descriptor.elementsCount
    val properties = elements.associate { at ->
        val schema = schema(descriptor.getElementDescriptor(at), within)
        val about = descriptor.getElementAnnotations(at).filterIsInstance<Describe>().firstOrNull()
        val described = about?.let { JsonObject(schema + ("description" to JsonPrimitive(it.text))) } ?: schema
        descriptor.getElementName(at) to described
    }
    val required = elements.filterNot { descriptor.isElementOptional(it) }.map { descriptor.getElementName(it) }
    return of(
        "object",
        "properties" to JsonObject(properties),
        "required" to JsonArray(required.map { JsonPrimitive(it) }),
        "additionalProperties" to JsonPrimitive(false),
    )
}

private fun inside(name: String, within: List<String>): List<String> {
    require(name !in within || name.startsWith("kotlin.collections.")) { "`$name` holds itself" }
    return within + name
}

private fun of(type: String, vararg rest: Pair<String, kotlinx.serialization.json.JsonElement>): JsonObject =
    JsonObject(mapOf("type" to JsonPrimitive(type)) + rest)
