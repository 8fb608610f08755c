package dev.wheelwork

/**
 * What a package says of itself. A value.
 *
 * @property name Its name.
 * @property installed How it was installed; null for a folder that was not.
 * @property producer Name and version of the program that wrote it; null where another program made the folder, like all that
 *   follows from its card.
 * @property formatVersion The version of its format.
 * @property bitsPerWeight Stored bits per weight over all matrices: codes, scales and zero points.
 * @property variants Its variants, by name.
 * @property licences Licences and notices of the checkpoint.
 * @property evaluations What its maker measured, by variant; empty where nothing was.
 * @property warnings What the checkpoint got wrong and how it was read, and what of the package is unproven: sentences for a
 *   person.
 */
@ConsistentCopyVisibility
public data class PackageFacts internal constructor(
    public val name: String,
    public val installed: Provenance?,
    public val producer: String?,
    public val formatVersion: String?,
    public val bitsPerWeight: Double?,
    public val variants: List<VariantFacts>,
    public val licences: List<Licence>,
    public val evaluations: List<Evaluation>,
    public val warnings: List<String>,
)

/**
 * How a package was installed. A value.
 *
 * @property version The counter that its maker raises with every release.
 * @property signature How the signature stands, by the keys that were given.
 */
@ConsistentCopyVisibility
public data class Provenance internal constructor(public val version: Long, public val signature: SignatureState)

/**
 * A variant of a package: the same model for one execution provider. A value.
 *
 * @property name Its name.
 * @property provider ONNX Runtime's name of the execution provider that it was made for.
 * @property modelType `qwen2`, `qwen3` or `llama`, as genai calls it.
 * @property contextLength The longest sequence in tokens.
 * @property vocabSize Rows of the embedding table.
 * @property reasons Whether the model reasons; null where its tokenizer or template cannot be read.
 */
@ConsistentCopyVisibility
public data class VariantFacts internal constructor(
    public val name: String,
    public val provider: String,
    public val modelType: String,
    public val contextLength: Int,
    public val vocabSize: Int,
    public val reasons: Boolean?,
)

/**
 * A licence or notice. A value.
 *
 * @property file The file's name.
 * @property text Its text.
 */
@ConsistentCopyVisibility
public data class Licence internal constructor(public val file: String, public val text: String)
