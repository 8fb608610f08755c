//! `wheelwork key`: a new key pair.

use std::path::{Path, PathBuf};

use serde_json::json;
use wheelwork_package::signature::SecretKey;

use crate::arguments::KeyArguments;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(arguments: &KeyArguments, json: bool) -> Result<(), Failure> {
    let (secret, public) =
        (with_ending(&arguments.name, ".key.pem"), with_ending(&arguments.name, ".pub.pem"));
    // Both before either is made: half a pair beside an older half would be a trap.
    for path in [&secret, &public] {
        if fs_err::symlink_metadata(path).is_ok() {
            return Err(Failure::input_file(path, "it exists, and a key is never replaced"));
        }
    }
    let key = SecretKey::generate()?;
    key.write(&secret)?;
    key.public().write(&public)?;
    let fingerprint = key.public().fingerprint();
    let made = json!({
        "event": "KeyMade", "secret_key": secret, "public_key": public, "fingerprint": fingerprint.to_string(),
    });
    output::tell(json, &made, || {
        anstream::println!("{}  signs; keep it, and let nobody else read it", secret.display());
        anstream::println!("{}  verifies; give it to your users by a way that they trust", public.display());
        anstream::println!("fingerprint {fingerprint}");
        anstream::print!("\n{}", key.public().to_pem());
    })
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut path = name.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
