//! The privacy manifest, beside what is imported: Apple wants a reason for some calls, whoever makes them.

use std::collections::BTreeSet;

use crate::mach_o::image::Image;
use crate::task_error::TaskError;

/// Apple's categories, and the calls of C that each is about.
const CATEGORIES: [(&str, &[&str]); 3] = [
    (
        "NSPrivacyAccessedAPICategoryFileTimestamp",
        &[
            "stat",
            "fstat",
            "lstat",
            "fstatat",
            "getattrlist",
            "fgetattrlist",
            "getattrlistat",
            "getattrlistbulk",
        ],
    ),
    ("NSPrivacyAccessedAPICategoryDiskSpace", &["statfs", "fstatfs", "statvfs", "fstatvfs"]),
    ("NSPrivacyAccessedAPICategorySystemBootTime", &["mach_absolute_time"]),
];

/// Fails where the manifest names another set of categories than the imports ask for.
pub(super) fn check(manifest: &str, image: &Image) -> Result<(), TaskError> {
    let wanted: BTreeSet<_> = CATEGORIES
        .into_iter()
        .filter(|(_, calls)| {
            let mut names = image.imports.iter().filter_map(|import| import.name.strip_prefix('_'));
            names.any(|name| calls.contains(&name))
        })
        .map(|(category, _)| category.to_owned())
        .collect();
    let named = named(manifest);
    if named == wanted {
        return Ok(());
    }
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    Err(TaskError::new(format!(
        "the privacy manifest names {}, the imports ask for {}",
        list(&named),
        list(&wanted)
    ))
    .remedy("correct ios/Sources/Wheelwork/PrivacyInfo.xcprivacy, with a reason of Apple's list"))
}

fn named(manifest: &str) -> BTreeSet<String> {
    let texts = manifest.split("<string>").skip(1).filter_map(|rest| rest.split_once("</string>"));
    texts
        .map(|(text, _)| text.to_owned())
        .filter(|text| text.starts_with("NSPrivacyAccessedAPICategory"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mach_o::image::Import;

    #[test]
    fn a_category_that_lacks_or_is_idle_is_told() {
        let image = |names: &[&str]| Image {
            imports: names.iter().map(|&name| Import { name: name.into(), is_weak: false }).collect(),
            exports: vec![],
            bytes: 0,
        };
        let manifest = "<string>NSPrivacyAccessedAPICategoryDiskSpace</string><string>E174.1</string>";
        assert!(check(manifest, &image(&["_statvfs", "_malloc"])).is_ok());
        assert!(check(manifest, &image(&["_malloc"])).is_err());
        let told = check(manifest, &image(&["_statvfs", "_fstat"])).unwrap_err().to_string();
        assert!(told.contains("FileTimestamp"), "{told}");
    }
}
