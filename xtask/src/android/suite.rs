//! The tests, run by Robolectric: Android's own code on this machine's JVM, with the library of Rust and a model.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::library::Library;
use super::resources::Made;
use crate::kotlin::Layer;
use crate::task_error::TaskError;
use crate::workspace::{Workspace, files_in};
use crate::{command, report, test};

/// The tests, ready to run.
pub(super) struct Suite {
    pub(super) class_path: Vec<PathBuf>,
    /// The folder of their classes.
    pub(super) tests: PathBuf,
    /// Their package.
    pub(super) package: &'static str,
    /// What has to come before the process has an ONNX Runtime; else no name.
    pub(super) first: &'static str,
    /// The Androids that they run as.
    pub(super) sdks: &'static [u32],
    /// Of the JVM, besides those that all have.
    pub(super) properties: Vec<String>,
    pub(super) app: Made,
    /// For what is made meanwhile.
    pub(super) work: PathBuf,
}

/// The folder of assets that the app of the tests has: a package, and a file that is stored compressed.
pub(super) fn assets(layer: &Layer, work: &Path) -> Result<PathBuf, TaskError> {
    let folder = work.join("assets");
    fs_err::create_dir_all(&folder)?;
    fs_err::copy(layer.packages.join("1.wwpkg"), folder.join("model.wwpkg"))?;
    fs_err::write(folder.join("text.txt"), "text\n".repeat(20_000))?;
    Ok(folder)
}

impl Suite {
    /// Runs each class, or those that are named, on each Android.
    pub(super) fn run(
        &self,
        workspace: &Workspace,
        library: &Library,
        only: &[String],
    ) -> Result<(), TaskError> {
        let configuration = self.configuration()?;
        let classes = self.classes(only)?;
        let Library { layer, artefacts, .. } = library;
        for sdk in self.sdks {
            report::step(&format!("testing as API {sdk}"));
            let class_path = [&configuration].into_iter().chain(&self.class_path);
            let mut java = Command::new("java");
            java.args([
                "-Xmx3g",
                "--add-opens=java.base/java.lang=ALL-UNNAMED",
                "--add-opens=java.base/java.io=ALL-UNNAMED",
            ])
            .arg(format!("-Djna.library.path={}", layer.library.display()))
            // The library has another name in an APK.
            .arg("-Duniffi.component.wheelwork.libraryOverride=wheelwork_uniffi")
            .arg(format!("-Dwheelwork.model={}", layer.model.display()))
            .arg(format!("-Dwheelwork.packages={}", layer.packages.display()))
            .arg("-Drobolectric.offline=true")
            .arg(format!("-Drobolectric.dependency.dir={}", artefacts.sdks().display()))
            .arg(format!("-Drobolectric.enabledSdks={sdk}"))
            .args(&self.properties)
            .arg("--class-path")
            .arg(std::env::join_paths(class_path)?)
            .arg("dev.wheelwork.android.MainKt")
            .args(&classes)
            .env("RUST_BACKTRACE", "0");
            test::prepare(&mut java, workspace)?;
            command::run_briefly(&mut java, &format!("the tests as API {sdk}"))?;
        }
        Ok(())
    }

    /// Tells Robolectric where the app is.
    fn configuration(&self) -> Result<PathBuf, TaskError> {
        let folder = self.work.join("configuration");
        let package = folder.join("com").join("android").join("tools");
        fs_err::create_dir_all(&package)?;
        let text = format!(
            "android_merged_manifest={}\nandroid_resource_apk={}\nandroid_custom_package={}\n",
            self.app.manifest.display(),
            self.app.apk.display(),
            self.app.name
        );
        fs_err::write(package.join("test_config.properties"), text)?;
        Ok(folder)
    }

    /// What ends in `Test`; first what has to come before the process has an ONNX Runtime.
    fn classes(&self, only: &[String]) -> Result<Vec<String>, TaskError> {
        let files = files_in(&self.tests, "class")?;
        let names =
            files.iter().filter_map(|file| file.file_stem()).map(|name| name.to_string_lossy().into_owned());
        let mut names: Vec<_> = names
            .filter(|name| name.ends_with("Test") && !name.contains('$'))
            .filter(|name| only.is_empty() || only.contains(name))
            .collect();
        if names.is_empty() {
            return Err(TaskError::new(format!(
                "find the tests {} in {}",
                only.join(", "),
                self.tests.display()
            )));
        }
        names.sort_by_key(|name| (name != self.first, name.clone()));
        Ok(names.iter().map(|name| format!("{}.{name}", self.package)).collect())
    }
}
