package dev.wheelwork.android

import android.os.storage.StorageManager
import java.io.File
import java.util.UUID
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowStorageManager

/** A phone's storage, as full as a test says: Robolectric has none. */
@Implements(StorageManager::class)
public class Storage : ShadowStorageManager() {
    @Implementation(minSdk = 26)
    protected fun getUuidForPath(path: File): UUID = StorageManager.UUID_DEFAULT

    @Implementation(minSdk = 26)
    protected fun getAllocatableBytes(volume: UUID): Long = availableBytes()

    internal companion object {
        var availableBytes: () -> Long = { Long.MAX_VALUE / 2 }
    }
}
