//! `cargo xtask android example`: `android/wheelwork-compose` and the app in `examples/android-chat`, compiled; the app's screens
//! drawn by Robolectric, and compared with the pictures in `examples/android-chat/screens`.

use std::path::{Path, PathBuf};

use super::artefacts::Role;
use super::kotlinc::{self, Unit, sources_in};
use super::library::Library;
use super::resources::{App, Made};
use super::suite::Suite;
use super::{library, sniffer};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{kotlin, report};

/// The app, compiled.
pub(super) struct Example {
    pub(super) library: Library,
    /// Folders of its classes, and of those of the library, those of views among them.
    pub(super) classes: [PathBuf; 3],
    pub(super) suite: Suite,
}

pub(super) fn run(workspace: &Workspace, only: &[String]) -> Result<(), TaskError> {
    let Example { library, suite, .. } = compile(workspace)?;
    suite.run(workspace, &library, only)
}

/// Compiles the app, its tests, and what it stands on.
pub(super) fn compile(workspace: &Workspace) -> Result<Example, TaskError> {
    let (library, _) = library::compile(workspace)?;
    let work = workspace.target.join("android").join("example");
    let Sources { module, example } = Sources::of(workspace);
    let (compose, main, test) =
        (sources(&module, "main"), sources(&example, "main"), sources(&example, "test"));

    report::step("making the app's manifest and resources");
    let app = make(workspace, &library, &[Role::App, Role::Test], &work.join("app"))?;

    report::step("compiling the app");
    let class_path = |roles: &[Role]| -> Vec<PathBuf> {
        let own = [&library.classes, &app.classes].into_iter().chain(&library.layer.classes).cloned();
        own.chain(roles.iter().flat_map(|role| library.artefacts.class_path(*role))).collect()
    };
    let plugin = Some(library.artefacts.jar("kotlin-compose-compiler-plugin-embeddable")?);
    let [of_compose, of_app, tests] = ["compose", "app", "test"].map(|name| work.join("classes").join(name));
    let mut seen = class_path(&[Role::App, Role::Framework]);
    kotlinc::compile(
        &library.layer.compiler,
        &Unit {
            rules: &kotlinc::LIBRARY,
            plugin: plugin.clone(),
            ..Unit::new("wheelwork-compose", sources_in(&compose)?, &of_compose, &seen)
        },
    )?;
    kotlin::check_api(workspace, &module, &of_compose)?;
    seen.insert(0, of_compose.clone());
    kotlinc::compile(
        &library.layer.compiler,
        &Unit { plugin: plugin.clone(), ..Unit::new("android-chat", sources_in(&main)?, &of_app, &seen) },
    )?;
    sniffer::check(workspace, &library.artefacts, &module, &[of_compose.clone(), of_app.clone()])?;
    let mut seen = class_path(&[Role::App, Role::Test, Role::Framework]);
    seen.splice(0..0, [of_app.clone(), of_compose.clone(), library.tests.clone()]);
    let friends = [of_app.clone(), of_compose.clone(), library.tests.clone()]
        .into_iter()
        .chain(library.layer.classes.clone());
    let friends: Vec<_> = friends.collect();
    kotlinc::compile(
        &library.layer.compiler,
        &Unit {
            friends: &friends,
            plugin,
            ..Unit::new("android-chat-test", sources_in(&test)?, &tests, &seen)
        },
    )?;
    seen.splice(0..0, [tests.clone(), test.join("resources")]);
    let drawn = work.join("screens");
    fs_err::create_dir_all(&drawn)?;
    let properties = vec![
        format!("-Dwheelwork.screens={}", example.join("screens").display()),
        format!("-Dwheelwork.drawn={}", drawn.display()),
    ];
    let suite = Suite {
        class_path: seen,
        tests: tests.join("dev").join("wheelwork").join("chat"),
        package: "dev.wheelwork.chat",
        first: "",
        sdks: &[35],
        properties,
        app,
        work,
    };
    let classes = [library.classes.clone(), of_compose, of_app];
    Ok(Example { library, classes, suite })
}

/// Manifest and resources of the app, with the libraries of some roles.
pub(super) fn make(
    workspace: &Workspace,
    library: &Library,
    roles: &[Role],
    folder: &Path,
) -> Result<Made, TaskError> {
    let Sources { module, example } = Sources::of(workspace);
    let main = sources(&example, "main");
    let app = App {
        name: "dev.wheelwork.chat",
        manifest: main.join("AndroidManifest.xml"),
        libraries: vec![main, sources(&module, "main"), library.main.clone()],
        roles,
        assets: None,
    };
    app.make(&library.artefacts, folder)
}

/// Where the views and the app are.
struct Sources {
    module: PathBuf,
    example: PathBuf,
}

impl Sources {
    fn of(workspace: &Workspace) -> Self {
        Self {
            module: workspace.root.join("android").join("wheelwork-compose"),
            example: workspace.root.join("examples").join("android-chat"),
        }
    }
}

fn sources(module: &Path, kind: &str) -> PathBuf {
    module.join("src").join(kind)
}
