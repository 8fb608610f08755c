//! Compiles `schema/onnx.proto` into Rust types, without `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schema/onnx.proto");
    let schema = protox::compile(["onnx.proto"], ["schema"])?;
    let mut config = prost_build::Config::new();
    // The schema's comments are not Markdown; they stay in the schema.
    config.disable_comments(["."]);
    config.compile_fds(schema)?;
    Ok(())
}
