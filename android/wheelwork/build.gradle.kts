// Unproven: see settings.gradle.kts. The layer that apps use, for Android and for any JVM.
plugins {
    alias(libs.plugins.kotlin.jvm)
    `java-library`
}

kotlin {
    explicitApi()
    compilerOptions {
        allWarningsAsErrors = true
        languageVersion = org.jetbrains.kotlin.gradle.dsl.KotlinVersion.KOTLIN_2_2
        apiVersion = org.jetbrains.kotlin.gradle.dsl.KotlinVersion.KOTLIN_2_2
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11
    }
    // The generated bindings: `cargo xtask kotlin` leaves them there.
    sourceSets.main { kotlin.srcDir("../../target/kotlin/library/dev") }
}

dependencies {
    api(libs.coroutines.android)
    // Android's own form of it, with the libraries for each ABI.
    compileOnly(libs.jna)
}
