package dev.wheelwork

import dev.wheelwork.ffi.StoreHandle
import java.io.File
import kotlinx.coroutines.flow.Flow

/**
 * The models in a folder of the app's own: installing, looking, removing.
 *
 * ```kotlin
 * val store = ModelStore(File(filesDir, "models"), keys)
 * val model = store.install(PackageSource.file(download)).onEach { show(it) }.report()
 * val engine = Engine.open(model.folder)
 * ```
 *
 * Whatever happens to a call (an error, a cancel, the end of the process, of the battery), the version that was installed
 * before stands whole until the new one does, and the next try goes on from what has arrived.
 *
 * Several may stand for the same folder, here and in other processes: one installs or removes at a time, and another that
 * tries is told [ErrorCode.STORE_BUSY]. Who cancels a call and begins the next waits for it instead. May be used from any
 * thread; suspending calls leave the caller's thread at once. After [close] every call is an [IllegalStateException].
 *
 * @param folder need not exist yet.
 * @param keys whose signatures count when a package is installed, and are shown as valid.
 */
public class ModelStore @JvmOverloads constructor(folder: File, keys: List<PublicKey> = emptyList()) : AutoCloseable {
    private val handle: StoreHandle = translated { StoreHandle.open(folder.path, keys.map { it.pem }) }
    private val closer = Closer("store") { handle.close() }

    /**
     * Installs a package, or a new version of one: only what is not here is read from the source, and the old version stands
     * until the new one is complete and opens.
     *
     * A cold flow: collecting it begins, cancelling the collector ends it within a piece. It ends with one
     * [InstallEvent.Finished]; [report] waits for that. Progress that the collector has no time for is left out. Errors, in
     * the flow: those of package, signature, source and storage, such as [ErrorCode.STORE_NO_SPACE],
     * [ErrorCode.STORE_DOWNGRADE], [ErrorCode.STORE_BUSY].
     */
    public fun install(source: PackageSource, configure: InstallOptions.() -> Unit = {}): Flow<InstallEvent> {
        val options = InstallOptions().apply(configure).toFfi()
        return source.fed { translated { open().install(it, options) } }
    }

    /**
     * Makes an installed model whole again with the package that it was installed from: reads every installed byte and takes
     * from the source only what is damaged. A flow as [install] gives; errors besides those: [ErrorCode.STORE_OTHER_PACKAGE],
     * [ErrorCode.STORE_NOT_INSTALLED].
     */
    public fun repair(
        name: String,
        source: PackageSource,
        configure: InstallOptions.() -> Unit = {},
    ): Flow<InstallEvent> {
        val options = InstallOptions().apply(configure).toFfi()
        return source.fed { translated { open().repair(name, it, options) } }
    }

    /**
     * Compares every byte of an installed model with what was installed. A cold flow that ends with one
     * [VerifyEvent.Finished]; cancelling the collector ends it. Errors, in the flow: [ErrorCode.STORE_NOT_INSTALLED] and those
     * of the storage; damage is no error but told in the report.
     */
    public fun verify(name: String): Flow<VerifyEvent> =
        pulled({ open().verify(name) }, { next()?.toPublic() }, { cancel() })

    /**
     * What is installed, and what has not arrived completely. Reads a small file a model. A model with something wrong is
     * listed as far as it can be read. Error: [ErrorCode.STORE_IO].
     */
    public suspend fun list(): StoreContents = onIo { open().list().toPublic() }

    /**
     * Removes a model with its versions and unfinished transfers, for good. An engine that has it open goes on. Takes as long
     * as the system needs to free some gigabytes. Errors: [ErrorCode.STORE_NOT_INSTALLED], [ErrorCode.STORE_BUSY].
     */
    public suspend fun remove(name: String): Unit = onIo { open().remove(name) }

    /**
     * Removes what interrupted calls have left: versions that were replaced and, if asked, transfers that the next
     * installation would go on with. Errors: [ErrorCode.STORE_BUSY], [ErrorCode.STORE_IO].
     */
    public suspend fun collectGarbage(partials: Boolean = false): GarbageReport =
        onIo { open().collectGarbage(partials).toPublic() }

    /** Bytes that may still be written where the models stand. Error: [ErrorCode.STORE_IO]. */
    public suspend fun freeBytes(): Long = onIo { open().freeBytes().toCount() }

    /**
     * What the first bytes of a package say, without reading on: whether it is newer, how large, who signed it. Errors: a
     * source that is no package, or a damaged one; [ErrorCode.SOURCE_IS_PUSHED] for a source that can be read once only.
     */
    public suspend fun head(source: PackageSource): PackageHead = onIo { open().head(source.seekable()).toPublic() }

    /** Lets go of it; what is under way ends. Returns at once. May be called more than once, from any thread. */
    override fun close() {
        closer.close()
    }

    private fun open(): StoreHandle {
        closer.checkOpen()
        return handle
    }
}

/** How a package is installed: what the block of [ModelStore.install] sets. */
@WheelworkDsl
public class InstallOptions {
    /** What is done with a package that none of the store's keys has signed. */
    public var policy: SignaturePolicy = SignaturePolicy.REQUIRE

    /** Whether a lower version than the installed one is accepted. */
    public var allowDowngrade: Boolean = false

    /** Threads that check and decompress; by default as many as memory below 64 MB allows. */
    public var threads: Threads = Threads.Auto
}

/**
 * What is in a store. A value.
 *
 * @property models Installed models, by name.
 * @property partials Transfers that ended early, by name: the next installation of the same package goes on from there.
 */
@ConsistentCopyVisibility
public data class StoreContents internal constructor(
    public val models: List<InstalledModel>,
    public val partials: List<PartialModel>,
)

/**
 * An installed model. A value.
 *
 * @property name Its name.
 * @property folder What [Engine.open] takes.
 * @property source The package that it was installed from; null where that record is damaged, which a repair cures.
 * @property signature How the signature stands, by the store's keys.
 */
@ConsistentCopyVisibility
public data class InstalledModel internal constructor(
    public val name: String,
    public val folder: File,
    public val source: InstalledPackage?,
    public val signature: SignatureState,
)

/**
 * The package that a model was installed from. A value.
 *
 * @property version The counter that its maker raises with every release.
 * @property id SHA-256 of its index, in lowercase hexadecimal: equal ids are equal packages.
 * @property bytes Bytes of its files.
 */
@ConsistentCopyVisibility
public data class InstalledPackage internal constructor(
    public val version: Long,
    public val id: String,
    public val bytes: Long,
)

/**
 * A transfer that ended early. A value.
 *
 * @property name The model's name.
 * @property version The version that was on its way; null where not even that has arrived.
 * @property bytes Bytes that are there.
 */
@ConsistentCopyVisibility
public data class PartialModel internal constructor(
    public val name: String,
    public val version: Long?,
    public val bytes: Long,
)

/**
 * What [ModelStore.collectGarbage] removed. A value.
 *
 * @property versions Versions that were replaced and could not be removed then.
 * @property partials Unfinished transfers.
 * @property staged Packages that a killed process had made only to install them.
 * @property bytes Bytes of their files.
 */
@ConsistentCopyVisibility
public data class GarbageReport internal constructor(
    public val versions: Int,
    public val partials: Int,
    public val staged: Int,
    public val bytes: Long,
)

/**
 * What the first bytes of a package say of it. A value.
 *
 * @property name The model's name.
 * @property version The counter that its maker raises with every release.
 * @property id SHA-256 of its index, in lowercase hexadecimal: equal ids are equal packages.
 * @property signature How the signature stands, by the store's keys.
 * @property containerBytes Bytes of the package file.
 * @property fileBytes Bytes of the files in it, once they are installed.
 * @property files How many files.
 */
@ConsistentCopyVisibility
public data class PackageHead internal constructor(
    public val name: String,
    public val version: Long,
    public val id: String,
    public val signature: SignatureState,
    public val containerBytes: Long,
    public val fileBytes: Long,
    public val files: Int,
)
