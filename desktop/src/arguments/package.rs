//! Commands about packages: from a package folder to a signed file to an installed model, and back.

use std::path::PathBuf;

use clap::Args;
use wheelwork_package::signature::Policy;

/// Where models are installed.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// Where models are installed [default: the user's data folder]
    #[arg(long, env = "WHEELWORK_MODELS_DIR", value_name = "DIR")]
    pub(crate) models_dir: Option<PathBuf>,
}

/// Whose signatures count, and what follows without one.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// Without a valid signature of a trusted key [default: require where a --key is given, and for a URL and standard
    /// input; else warn]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(crate) trust: Option<TrustPolicy>,
    /// A public key whose signatures count; may be given several times [default: those that vouched for what was installed]
    #[arg(long, value_name = "PUBLIC_KEY")]
    pub(crate) key: Vec<PathBuf>,
}

choice! {
    pub(crate) enum TrustPolicy => Policy {
        /// Refuse the package before anything of it is decompressed
        Require => Policy::Require,
        /// Use it, and say how the signature stands
        Warn => Policy::Warn,
        /// Do not look at signatures
        Off => Policy::Off,
    }
}

/// Where a package comes from.
#[derive(Debug, Args)]
pub(crate) struct OriginArguments {
    /// A .wwpkg file, `-` for standard input, or a URL
    #[arg(value_name = "FILE|-|URL")]
    pub(crate) origin: String,
    /// Fetch by unencrypted HTTP from other machines, too
    #[arg(long)]
    pub(crate) allow_http: bool,
    /// How long a server may be silent before the connection is made anew
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) timeout: u16,
}

const KEY_EXAMPLES: &str = "\
Makes NAME.key.pem, which signs and stays with you (only you can read it), and NAME.pub.pem, which users pass to
`wheelwork install --key`. Give it to them by a way that they trust; its fingerprint is what a signature calls it.

  wheelwork key acme
  wheelwork pack r1.ortpackage --out r1.wwpkg --key acme.key.pem
  wheelwork install r1.wwpkg --key acme.pub.pem";

#[derive(Debug, Args)]
#[command(after_help = KEY_EXAMPLES)]
pub(crate) struct KeyArguments {
    /// What the files are called, with a folder if you like; existing files are never replaced
    pub(crate) name: PathBuf,
}

const PACK_EXAMPLES: &str = "\
Examples:
  wheelwork pack r1.ortpackage --out r1.wwpkg
  wheelwork pack r1.ortpackage --out r1-2.wwpkg --version 2 --key acme.key.pem   an update of it, signed
  wheelwork pack r1.ortpackage --out r1.wwpkg --level 3                          sooner done, hardly larger

The same folder, options and key give the same bytes.";

#[derive(Debug, Args)]
#[command(after_help = PACK_EXAMPLES, disable_version_flag = true)]
pub(crate) struct PackArguments {
    /// The package folder, as `wheelwork quantize` makes it
    pub(crate) folder: PathBuf,
    /// The file to make; conventionally NAME.wwpkg
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The secret key to sign with
    #[arg(long, value_name = "SECRET_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// Your counter against rollback: raise it with every release
    #[arg(long = "version", value_name = "N", default_value_t = 1)]
    pub(crate) package_version: u64,
    /// The name that it is installed by [default: the package's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// zstd's level, 1 to 22
    #[arg(long, value_name = "LEVEL", default_value_t = 9, allow_negative_numbers = true)]
    pub(crate) level: i32,
}

#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// The package file
    pub(crate) file: PathBuf,
    /// The secret key to sign with
    #[arg(long, value_name = "SECRET_KEY")]
    pub(crate) key: PathBuf,
    /// The file to make [default: FILE itself gets the signature]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct UnpackArguments {
    #[command(flatten)]
    pub(crate) origin: OriginArguments,
    /// The folder to make; conventionally NAME.ortpackage
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  wheelwork verify r1.wwpkg --key acme.pub.pem    a file: every chunk, and who signed it
  wheelwork verify r1                             an installed model: every chunk of every file

Exit code 0 means that every byte was compared and is right.";

#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArguments {
    /// A .wwpkg file, a package folder, or the name of an installed model
    #[arg(value_name = "FILE|NAME")]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A .wwpkg file, a package folder, a genai model folder, or the name of an installed model
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Read every file and compare its content with the card's hashes
    #[arg(long)]
    pub(crate) verify: bool,
    /// Load it on the best device, an NPU first, and tell which provider got which part of it
    #[arg(long)]
    pub(crate) placement: bool,
    /// A public key to hold the signature of a .wwpkg file against; may be given several times
    #[arg(long, value_name = "PUBLIC_KEY")]
    pub(crate) key: Vec<PathBuf>,
}

const INSTALL_EXAMPLES: &str = "\
Examples:
  wheelwork install r1.wwpkg --key acme.pub.pem
  wheelwork install https://example.org/r1.wwpkg --key acme.pub.pem
  cat /media/usb/r1.wwpkg | wheelwork install - --key acme.pub.pem
  wheelwork install r1.ortpackage                a folder that `wheelwork quantize` has made

Interrupted, by Ctrl-C or by power loss, the old version is as it was, and the same command continues where it
ended. Of an update, only what differs from the installed version is transferred. A version lower than the
installed one is refused without --allow-downgrade.";

#[derive(Debug, Args)]
#[command(after_help = INSTALL_EXAMPLES)]
pub(crate) struct InstallArguments {
    /// A .wwpkg file, `-` for standard input, a URL, or a package folder
    #[command(flatten)]
    pub(crate) origin: OriginArguments,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Accept a lower version than the installed one
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Leave out `wheelwork prepare` at the end: less disk, more memory when the model is open
    #[arg(long)]
    pub(crate) no_prepare: bool,
    /// Keep the weights in their compact form alone, as `wheelwork compact` does, instead of preparing
    #[arg(long, conflicts_with = "no_prepare")]
    pub(crate) compact: bool,
}

const COMPACT_EXAMPLES: &str = "\
Examples:
  wheelwork compact r1
  wheelwork compact r1 --undo

Weights are kept as this program's kernels compute with them: in the bits that they use, with scales in half precision. No prepared
form is needed then. The model opens on the CPU with these kernels only; verify, repair and updates go on as before, since every byte of the
package can be read out of this form. An update arrives in the package's own form: compact it again.";

#[derive(Debug, Args)]
#[command(after_help = COMPACT_EXAMPLES)]
pub(crate) struct CompactArguments {
    /// The name of the installed model
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Bring the package's own files back, byte for byte
    #[arg(long)]
    pub(crate) undo: bool,
}

const REPAIR_EXAMPLES: &str = "\
Example:
  wheelwork repair r1 https://example.org/r1.wwpkg --key acme.pub.pem

Reads every installed byte, and takes only the damaged chunks from the package that it was installed from.";

#[derive(Debug, Args)]
#[command(after_help = REPAIR_EXAMPLES)]
pub(crate) struct RepairArguments {
    /// The name of the installed model
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) origin: OriginArguments,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArguments {
    /// The name of the model
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

#[derive(Debug, Args)]
pub(crate) struct GarbageArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Remove unfinished transfers as well, which could be continued
    #[arg(long)]
    pub(crate) partials: bool,
}
