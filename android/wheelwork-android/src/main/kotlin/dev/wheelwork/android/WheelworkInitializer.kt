package dev.wheelwork.android

import android.content.Context
import androidx.startup.Initializer

/** Runs before anything of the app does: ONNX Runtime's telemetry is off in this process before that library can load. */
public class WheelworkInitializer : Initializer<WheelworkAndroid> {
    override fun create(context: Context): WheelworkAndroid {
        NativeLibraries.prepare(context)
        return WheelworkAndroid
    }

    override fun dependencies(): List<Class<out Initializer<*>>> = emptyList()
}
