// Unproven: Gradle and Google's plugin do not run where this project is tested; see docs/android.md.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositoriesMode = RepositoriesMode.FAIL_ON_PROJECT_REPOS
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "wheelwork"

include(":wheelwork", ":wheelwork-serialization", ":wheelwork-android", ":wheelwork-compose")

include(":android-chat")
project(":android-chat").projectDir = file("../examples/android-chat")
