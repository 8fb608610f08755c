package dev.wheelwork

import java.io.File
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.fold

/** What an installation or a repair tells: progress, then one [Finished]. A value. */
public sealed interface InstallEvent {
    /**
     * How far it is.
     *
     * @property step What is being done.
     * @property doneBytes Bytes of content done in this step.
     * @property totalBytes Bytes of content that this step has to do.
     */
    @ConsistentCopyVisibility
    public data class Progress internal constructor(
        public val step: StoreStep,
        public val doneBytes: Long,
        public val totalBytes: Long,
    ) : InstallEvent

    /**
     * The end; nothing follows.
     *
     * @property report What was done.
     */
    @ConsistentCopyVisibility
    public data class Finished internal constructor(public val report: InstallReport) : InstallEvent
}

/** A step of an installation. */
public enum class StoreStep {
    /** Packing: reading the files. Not on a phone. */
    SCAN,

    /** Packing: compressing. Not on a phone. */
    COMPRESS,

    /** Comparing what an interrupted try has left. */
    RESUME,

    /** Taking equal files and parts from the installed version. */
    REUSE,

    /** Reading from the source. */
    RECEIVE,

    /** Comparing digests. */
    VERIFY,

    /** Checking the result and waiting for the disk. */
    SYNC,
}

/**
 * What an installation did. A value.
 *
 * @property name The model.
 * @property version The counter that its maker raises with every release.
 * @property id SHA-256 of its index, in lowercase hexadecimal.
 * @property folder What [Engine.open] takes.
 * @property signature How the signature stands.
 * @property isNew False where this very package was installed already, whole.
 * @property replacedVersion The version that was installed before; null where none was.
 * @property packageBytes Bytes, as stored, that the package has.
 * @property receivedBytes Of these, bytes that were read from the source.
 * @property resumedBytes Of these, bytes that an interrupted try had left.
 * @property reusedBytes Of these, bytes that the installed version had already.
 */
@ConsistentCopyVisibility
public data class InstallReport internal constructor(
    public val name: String,
    public val version: Long,
    public val id: String,
    public val folder: File,
    public val signature: SignatureState,
    public val isNew: Boolean,
    public val replacedVersion: Long?,
    public val packageBytes: Long,
    public val receivedBytes: Long,
    public val resumedBytes: Long,
    public val reusedBytes: Long,
)

/** What a verification tells: progress, then one [Finished]. A value. */
public sealed interface VerifyEvent {
    /**
     * How far it is.
     *
     * @property doneBytes Bytes read.
     * @property totalBytes Bytes to read.
     */
    @ConsistentCopyVisibility
    public data class Progress internal constructor(
        public val doneBytes: Long,
        public val totalBytes: Long,
    ) : VerifyEvent

    /**
     * The end; nothing follows.
     *
     * @property report What was found.
     */
    @ConsistentCopyVisibility
    public data class Finished internal constructor(public val report: VerifyReport) : VerifyEvent
}

/**
 * What a verification found. A value.
 *
 * @property name The model.
 * @property files Files that it has.
 * @property bytes Bytes of these files.
 * @property damage Everything that is wrong; empty for a model that is whole. [ModelStore.repair] cures it.
 */
@ConsistentCopyVisibility
public data class VerifyReport internal constructor(
    public val name: String,
    public val files: Int,
    public val bytes: Long,
    public val damage: List<Damage>,
)

/** Something that is not as it was installed. A value. */
public sealed interface Damage {
    /** The record of what was installed is missing or damaged, so nothing can be compared. */
    public data object Head : Damage

    /**
     * A file is missing.
     *
     * @property file Its path in the package.
     */
    @ConsistentCopyVisibility
    public data class Missing internal constructor(public val file: String) : Damage

    /**
     * A file has another size.
     *
     * @property file Its path in the package.
     * @property found Bytes on the disk.
     * @property expected Bytes that were installed.
     */
    @ConsistentCopyVisibility
    public data class Size internal constructor(
        public val file: String,
        public val found: Long,
        public val expected: Long,
    ) : Damage

    /**
     * A part of a file has another content.
     *
     * @property file Its path in the package.
     * @property chunk The number of the chunk in the package.
     * @property offset Where it begins in the file, in bytes.
     * @property bytes Its length in bytes.
     */
    @ConsistentCopyVisibility
    public data class Chunk internal constructor(
        public val file: String,
        public val chunk: Int,
        public val offset: Long,
        public val bytes: Int,
    ) : Damage

    /**
     * A file that was not installed.
     *
     * @property file Its path in the package.
     */
    @ConsistentCopyVisibility
    public data class Unexpected internal constructor(public val file: String) : Damage
}

/** Collects an installation to its end and gives what it did. Takes as long as that. Errors: those of the flow. */
@JvmName("installReport")
public suspend fun Flow<InstallEvent>.report(): InstallReport =
    whole(fold(null as InstallReport?) { found, event -> (event as? InstallEvent.Finished)?.report ?: found })

/** Collects a verification to its end and gives what it found. Takes as long as that. Errors: those of the flow. */
@JvmName("verifyReport")
public suspend fun Flow<VerifyEvent>.report(): VerifyReport =
    whole(fold(null as VerifyReport?) { found, event -> (event as? VerifyEvent.Finished)?.report ?: found })

/** Collects a preparation to its end and gives what it did. Takes as long as that. Errors: those of the flow. */
@JvmName("prepareReport")
public suspend fun Flow<PrepareEvent>.report(): PrepareReport =
    whole(fold(null as PrepareReport?) { found, event -> (event as? PrepareEvent.Finished)?.report ?: found })

private fun <T : Any> whole(report: T?): T = checkNotNull(report) { "the flow ended before its report" }
