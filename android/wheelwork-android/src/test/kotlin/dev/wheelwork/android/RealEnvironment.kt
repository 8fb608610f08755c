package dev.wheelwork.android

import com.sun.jna.Library
import com.sun.jna.Native
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowLinux

/** The variables of this process as native code sees them: Robolectric's `Os` has none. */
@Implements(className = "libcore.io.Linux", minSdk = 26, isInAndroidSdk = false)
public class RealEnvironment : ShadowLinux() {
    @Implementation
    protected fun setenv(name: String, value: String, overwrite: Boolean) {
        check(C.setenv(name, value, if (overwrite) 1 else 0) == 0)
    }

    @Implementation
    protected fun getenv(name: String): String? = C.getenv(name)
}

internal interface CLibrary : Library {
    fun setenv(name: String, value: String, overwrite: Int): Int

    fun getenv(name: String): String?

    fun mkfifo(path: String, mode: Int): Int
}

internal val C: CLibrary = Native.load("c", CLibrary::class.java)
