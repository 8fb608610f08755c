// Unproven: see settings.gradle.kts. `cargo xtask android library` compiles and tests the same sources without Gradle.
plugins {
    alias(libs.plugins.android.library)
}

android {
    namespace = "dev.wheelwork.android"
    compileSdk = 36

    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
        // libwheelwork.so lies in src/main/jniLibs/ABI, built by `cargo ndk`.
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }

    testOptions.unitTests.isIncludeAndroidResources = true

    // The package that `cargo xtask kotlin` makes, and the key that signed it.
    sourceSets["androidTest"].assets.srcDir("../../target/kotlin/packages")
    androidResources { noCompress += "wwpkg" }
}

kotlin {
    explicitApi()
    compilerOptions {
        allWarningsAsErrors = true
        languageVersion = org.jetbrains.kotlin.gradle.dsl.KotlinVersion.KOTLIN_2_2
        apiVersion = org.jetbrains.kotlin.gradle.dsl.KotlinVersion.KOTLIN_2_2
    }
}

dependencies {
    api(project(":wheelwork"))
    api(libs.coroutines.android)
    implementation(libs.core)
    implementation(libs.startup)
    implementation(libs.lifecycle.process)
    implementation(libs.work)
    implementation("net.java.dev.jna:jna:${libs.versions.jna.get()}@aar")
    // ONNX Runtime is the app's choice: `implementation(libs.onnxruntime)` there.

    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
    testImplementation(libs.work.testing)
    testImplementation(libs.activity)

    androidTestImplementation(libs.junit)
    androidTestImplementation(libs.test.runner)
    androidTestImplementation(libs.test.junit)
    androidTestImplementation(libs.onnxruntime)
}
