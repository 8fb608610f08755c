// Unproven: see settings.gradle.kts. `cargo xtask android example` compiles the same sources without Gradle.
plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.compose)
}

android {
    namespace = "dev.wheelwork.compose"
    compileSdk = 36
    defaultConfig { minSdk = 26 }
}

dependencies {
    api(project(":wheelwork-android"))
    implementation(libs.compose.material3)
    implementation(libs.compose.foundation)
}
