//! `cargo xtask gpu`: the GPU tests on a GPU made of software, WebGPU over Vulkan over SwiftShader.
//!
//! It shows that the provider loads, gets the nodes and computes what the CPU does. It says nothing of speed.

use crate::fetch::{swiftshader, webgpu};
use crate::task_error::TaskError;
use crate::workspace::Workspace;
use crate::{command, test};

/// Lets the provider take a Vulkan device that is a CPU. Read by the provider.
const SOFTWARE: (&str, &str) = ("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER", "1");

pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let (Some(library), Some(drivers)) = (webgpu::library(workspace)?, swiftshader::folder(workspace)?)
    else {
        return Ok(());
    };
    let mut cargo = command::cargo();
    cargo.args(["test", "--locked", "-p", "wheelwork-desktop", "--test", "webgpu"]);
    test::prepare(&mut cargo, workspace)?;
    cargo
        .env(webgpu::FOLDER_VARIABLE, library)
        .env(SOFTWARE.0, SOFTWARE.1)
        .env("VK_ICD_FILENAMES", swiftshader::driver(&drivers))
        // The Vulkan loader beside the driver, for machines without one.
        .env("LD_LIBRARY_PATH", drivers);
    command::run(&mut cargo)
}
