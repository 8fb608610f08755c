//! What a library exports, from the metadata in it: a line an item, in order, `OWNER.NAME<tab>SIGNATURE`.
//!
//! Fields are `Record.field` and `Enum.Variant.field`, a variant is `Enum.Variant`, a method `Object.method`, a function
//! stands alone. What exists for tests only is left out.

use std::error::Error;
use std::ffi::OsStr;

use uniffi_meta::{FieldMetadata, FnParamMetadata, Metadata, Type};

/// The module that no library which ships has.
const FAULTS: &str = "::faults";

/// The listing of a library file.
pub(crate) fn of(library: &OsStr) -> Result<String, Box<dyn Error>> {
    let items = uniffi_bindgen::macro_metadata::extract_from_bytes(&std::fs::read(library)?)?;
    let mut lines = Vec::new();
    for item in items.into_iter().filter(|item| !item.module_path().ends_with(FAULTS)) {
        push(&mut lines, item);
    }
    lines.sort();
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

fn push(lines: &mut Vec<String>, item: Metadata) {
    match item {
        Metadata::Record(record) => {
            fields(lines, &record.name, &record.fields);
        }
        Metadata::Enum(kind) => {
            for variant in kind.variants {
                let path = format!("{}.{}", kind.name, variant.name);
                lines.push(format!("{path}\t"));
                fields(lines, &path, &variant.fields);
            }
        }
        Metadata::Func(call) => lines.push(format!(
            "{}\t{}",
            call.name,
            signature(call.is_async, &call.inputs, call.return_type.as_ref(), call.throws.as_ref())
        )),
        Metadata::Constructor(call) => lines.push(format!(
            "{}.{}\t{}",
            call.self_name,
            call.name,
            signature(call.is_async, &call.inputs, None, call.throws.as_ref())
        )),
        Metadata::Method(call) => lines.push(format!(
            "{}.{}\t{}",
            call.self_name,
            call.name,
            signature(call.is_async, &call.inputs, call.return_type.as_ref(), call.throws.as_ref())
        )),
        // An object is told by its methods; nothing else is exported.
        _ => {}
    }
}

fn fields(lines: &mut Vec<String>, owner: &str, fields: &[FieldMetadata]) {
    lines.extend(fields.iter().map(|field| format!("{owner}.{}\t{}", field.name, kind(&field.ty))));
}

fn signature(
    is_async: bool,
    inputs: &[FnParamMetadata],
    returned: Option<&Type>,
    throws: Option<&Type>,
) -> String {
    let inputs: Vec<_> = inputs.iter().map(|input| format!("{}: {}", input.name, kind(&input.ty))).collect();
    let before = if is_async { "async " } else { "" };
    let returned = returned.map(|returned| format!(" -> {}", kind(returned))).unwrap_or_default();
    let throws = throws.map(|throws| format!(", or {}", kind(throws))).unwrap_or_default();
    format!("{before}({}){returned}{throws}", inputs.join(", "))
}

fn kind(of: &Type) -> String {
    match of {
        Type::UInt8 => "u8".into(),
        Type::Int8 => "i8".into(),
        Type::UInt16 => "u16".into(),
        Type::Int16 => "i16".into(),
        Type::UInt32 => "u32".into(),
        Type::Int32 => "i32".into(),
        Type::UInt64 => "u64".into(),
        Type::Int64 => "i64".into(),
        Type::Float32 => "f32".into(),
        Type::Float64 => "f64".into(),
        Type::Boolean => "bool".into(),
        Type::String => "string".into(),
        Type::Bytes => "bytes".into(),
        Type::Timestamp => "time".into(),
        Type::Duration => "duration".into(),
        Type::Object { name, .. }
        | Type::Record { name, .. }
        | Type::Enum { name, .. }
        | Type::CallbackInterface { name, .. }
        | Type::Custom { name, .. } => name.clone(),
        Type::Box { inner_type } => kind(inner_type),
        Type::Optional { inner_type } => format!("{}?", kind(inner_type)),
        Type::Sequence { inner_type } | Type::Set { inner_type } => format!("[{}]", kind(inner_type)),
        Type::Map { key_type, value_type } => format!("{{{}: {}}}", kind(key_type), kind(value_type)),
    }
}
