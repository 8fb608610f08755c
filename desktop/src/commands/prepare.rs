//! `wheelwork prepare`: the packed weights of a model, made once for this processor.

use std::ops::ControlFlow;

use serde_json::json;
use wheelwork::PrepareStep;

use crate::arguments::PrepareArguments;
use crate::failure::Failure;
use crate::{model_source, output};

pub(crate) fn run(arguments: &PrepareArguments, json: bool) -> Result<(), Failure> {
    let model = arguments.model_arguments();
    let folder = model_source::folder(model.model.as_deref(), model.models_dir.as_deref())?;
    let mut shown = None;
    let mut watch = |step: PrepareStep| {
        let name = match step {
            PrepareStep::Pack => "packing the weights for this processor ...",
            PrepareStep::Collect { .. } => "writing them ...",
            _ => "comparing with the plain form ...",
        };
        if !json && shown.replace(name) != Some(name) {
            anstream::eprintln!("{name}");
        }
        ControlFlow::Continue(())
    };
    let report = wheelwork::prepare(folder, &model.open_options(), &mut watch)?;
    if json {
        return output::json_line(&json!({ "prepared": report }));
    }
    let disk = report.disk_bytes / 1_000_000;
    if report.is_new {
        let peak = report.peak_disk_bytes / 1_000_000;
        anstream::println!(
            "prepared in {:.1} s: {disk} MB on the disk ({peak} MB on the way)",
            report.seconds
        );
    } else {
        anstream::println!("it was prepared before: {disk} MB on the disk");
    }
    Ok(())
}
