// Unproven: see android/settings.gradle.kts. `cargo xtask android example` compiles the same sources without Gradle.
plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.compose)
}

android {
    namespace = "dev.wheelwork.chat"
    compileSdk = 36

    defaultConfig {
        applicationId = "dev.wheelwork.chat"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "1"
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }

    // An APK for each processor, so that nobody downloads another's libraries.
    splits {
        abi {
            isEnable = true
            reset()
            include("arm64-v8a", "x86_64")
        }
    }

    androidResources { noCompress += "wwpkg" }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

dependencies {
    implementation(project(":wheelwork-compose"))
    implementation(libs.activity.compose)
    implementation(libs.core)
    implementation(libs.lifecycle.viewmodel)
    implementation(libs.onnxruntime)
}
